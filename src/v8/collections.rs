//! Counts the full garbage collections of an isolate. V8 calls everything live that none of them has
//! looked at.

use std::ptr::NonNull;

use super::ffi::{self, Isolate};

/// A count, from when it was made until it is dropped.
pub struct FullCollections {
    isolate: NonNull<Isolate>,
    /// V8 has the address: it stays where it is.
    count: NonNull<u64>,
}

impl FullCollections {
    /// Counts those of this thread's isolate.
    pub fn count(isolate: NonNull<Isolate>) -> FullCollections {
        let count = NonNull::from(Box::leak(Box::new(0)));
        // SAFETY: the isolate is this thread's; the count is on the heap until V8 has forgotten it.
        unsafe { ffi::hp_collections_count(isolate.as_ptr(), count.as_ptr()) };
        FullCollections { isolate, count }
    }

    /// How many there were.
    pub fn get(&self) -> u64 {
        // SAFETY: V8 changes it on this thread only, while it collects garbage, which is not now.
        unsafe { self.count.read() }
    }
}

impl Drop for FullCollections {
    fn drop(&mut self) {
        // SAFETY: it is this thread's isolate, whole still: the sampler drops a session in its calls
        // and when the environment ends, never later. It was told of this count, and not yet to forget it.
        unsafe { ffi::hp_collections_forget(self.isolate.as_ptr(), self.count.as_ptr()) };
        // SAFETY: it was a Box, and V8 no longer has its address.
        drop(unsafe { Box::from_raw(self.count.as_ptr()) });
    }
}
