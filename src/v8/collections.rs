//! Tells when an isolate has made a full garbage collection, and counts them. V8 calls everything live that
//! none of them has looked at.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::ptr::NonNull;
use std::rc::Rc;

use super::ffi::{self, Isolate, Watch};
use super::isolate;
use heap_profile_core::error::Result;

/// Has something called after each full garbage collection of an isolate, until it is dropped.
pub struct CollectionWatch {
    isolate: NonNull<Isolate>,
    /// V8 has the address: it stays where it is.
    watched: NonNull<Watched>,
}

/// What V8 is given, and what it stands for.
#[repr(C)]
struct Watched {
    watch: Watch,
    notify: Box<dyn Fn()>,
}

impl CollectionWatch {
    /// Watches this thread's isolate. `notify` is called while V8 still collects: it must neither call V8
    /// nor Node-API, but for what any thread may call.
    pub fn start(notify: impl Fn() + 'static) -> Result<CollectionWatch> {
        Ok(CollectionWatch::of(isolate::current()?, notify))
    }

    fn of(isolate: NonNull<Isolate>, notify: impl Fn() + 'static) -> CollectionWatch {
        let watched = Watched { watch: Watch { notify: collected }, notify: Box::new(notify) };
        let watched = NonNull::from(Box::leak(Box::new(watched)));
        // SAFETY: the isolate is this thread's; what is watched with is on the heap until V8 has forgotten it.
        unsafe { ffi::hp_collections_watch(isolate.as_ptr(), watched.as_ptr().cast()) };
        CollectionWatch { isolate, watched }
    }
}

impl Drop for CollectionWatch {
    fn drop(&mut self) {
        // SAFETY: it is this thread's isolate, whole still: the sampler and JavaScript's objects are dropped in
        // calls of this thread and when the environment ends, never later. It was told of this one, and
        // not yet to forget it.
        unsafe { ffi::hp_collections_unwatch(self.isolate.as_ptr(), self.watched.as_ptr().cast()) };
        // SAFETY: it was a Box, and V8 no longer has its address.
        drop(unsafe { Box::from_raw(self.watched.as_ptr()) });
    }
}

extern "C" fn collected(watch: *mut Watch) {
    // SAFETY: the shim passes what was watched with, the first field of a Watched, which is alive until
    // it is told to forget it.
    let watched = unsafe { &*watch.cast::<Watched>() };
    let _ = panic::catch_unwind(AssertUnwindSafe(&watched.notify));
}

/// A count, from when it was made until it is dropped.
pub struct FullCollections {
    count: Rc<Cell<u64>>,
    _watch: CollectionWatch,
}

impl FullCollections {
    /// Counts those of this thread's isolate.
    pub fn count(isolate: NonNull<Isolate>) -> FullCollections {
        let count = Rc::new(Cell::new(0));
        let counted = count.clone();
        let watch = CollectionWatch::of(isolate, move || counted.set(counted.get() + 1));
        FullCollections { count, _watch: watch }
    }

    /// How many there were.
    pub fn get(&self) -> u64 {
        self.count.get()
    }
}
