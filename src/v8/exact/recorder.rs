//! What is recorded of the sampled objects, from the hook on.

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;

/// Told of each sampled object by the hook, which has its address.
pub struct Recorder {
    /// Objects sampled so far.
    count: Cell<u64>,
}

impl Recorder {
    pub fn new() -> Box<Recorder> {
        Box::new(Recorder { count: Cell::new(0) })
    }

    /// As the hook has it.
    pub fn as_ptr(&self) -> *const c_void {
        ptr::from_ref(self).cast()
    }

    /// Objects sampled so far.
    pub fn count(&self) -> u64 {
        self.count.get()
    }
}

/// What the hook calls, in the middle of an allocation: nothing may be allocated in V8's heap.
pub extern "C" fn sampled(recorder: *const c_void, _ordinal: u64, _size: u64) {
    // SAFETY: the hook has the address of a Box that is dropped later than the hook (session.rs), and
    // calls on the thread of both.
    let recorder = unsafe { &*recorder.cast::<Recorder>() };
    recorder.count.set(recorder.count.get() + 1);
}
