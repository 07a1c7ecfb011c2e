//! What is recorded of the sampled objects, from the hook on, until rotation.rs has their stacks.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};
use std::ptr::{self, NonNull};

use super::functions::Functions;
use super::return_address::Redirected;
use super::wake::Wake;
use crate::v8::ffi::Isolate;

/// A sampled object whose stack V8's CPU profiler has recorded between two times, in microseconds of
/// CLOCK_MONOTONIC.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    pub ordinal: u64,
    pub before: i64,
    pub after: i64,
}

/// When the event loop is to be woken.
#[derive(Clone, Copy, Debug)]
pub enum Ask {
    Never,
    /// With so many records.
    Count(usize),
    /// At that time, at the first sample after it.
    Time(i64),
}

/// Told of each sampled object by the hook, which has its address.
pub struct Recorder {
    functions: Functions,
    isolate: NonNull<Isolate>,
    stack: Range<usize>,
    records: RefCell<Vec<Record>>,
    wake: Wake,
    ask: Cell<Ask>,
}

/// What is not recorded beyond these, which take some 25 MB here and in V8, has V8's stacks.
const MOST_RECORDS: usize = 1 << 18;

impl Recorder {
    pub fn new(
        functions: Functions,
        isolate: NonNull<Isolate>,
        stack: Range<usize>,
        wake: Wake,
    ) -> Box<Recorder> {
        let (records, ask) = (RefCell::default(), Cell::new(Ask::Never));
        Box::new(Recorder { functions, isolate, stack, records, wake, ask })
    }

    /// As the hook has it.
    pub fn as_ptr(&self) -> *const c_void {
        ptr::from_ref(self).cast()
    }

    /// The records before that time, oldest first; they are forgotten here.
    pub fn take_before(&self, time: i64) -> Vec<Record> {
        let mut records = self.records.borrow_mut();
        let end = records.partition_point(|record| record.before < time);
        records.drain(..end).collect()
    }

    /// Sets when the event loop is woken, once.
    pub fn ask(&self, ask: Ask) {
        self.ask.set(ask);
    }

    fn record(&self, ordinal: u64, size: usize, frame: usize) {
        // It is borrowed while it is read; nothing is allocated in V8's heap there.
        let Ok(mut records) = self.records.try_borrow_mut() else { return };
        if records.len() < MOST_RECORDS && records.try_reserve(1).is_ok() {
            let before = now();
            self.collect(size, frame);
            let after = now();
            records.push(Record { ordinal, before, after });
        }
        let is_time = match self.ask.get() {
            Ask::Never => false,
            Ask::Count(count) => records.len() >= count,
            Ask::Time(time) => now() >= time,
        };
        if is_time {
            self.ask.set(Ask::Never);
            self.wake.ask();
        }
    }

    /// Has the stack recorded.
    fn collect(&self, size: usize, frame: usize) {
        let stack = frame..self.stack.end;
        let is_ours = self.stack.contains(&frame);
        let redirected =
            is_ours.then(|| Redirected::new(&self.functions, self.isolate, stack, size));
        // SAFETY: the hook is called on the isolate's thread.
        unsafe { self.functions.collect_sample(self.isolate) };
        drop(redirected);
    }
}

/// What the hook calls, in the middle of an allocation: nothing may be allocated in V8's heap.
///
/// `frame` is that of the hook: what V8 has on the stack lies above it.
pub extern "C" fn sampled(recorder: *const c_void, ordinal: u64, size: u64, frame: usize) {
    // SAFETY: the hook has the address of a Box that is dropped later than the hook (session.rs), and
    // calls on the thread of both.
    let recorder = unsafe { &*recorder.cast::<Recorder>() };
    let record = || recorder.record(ordinal, size as usize, frame);
    let _ = panic::catch_unwind(AssertUnwindSafe(record));
}

/// The clock of V8's samples, in microseconds.
pub fn now() -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: it fills what it is given, and this clock is always there.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec * 1_000_000 + time.tv_nsec / 1000
}
