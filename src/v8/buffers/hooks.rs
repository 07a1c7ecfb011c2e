//! What the allocator of ArrayBuffers calls in place of Node's own functions, on whichever thread. All pass
//! on to those; no panic leaves.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::panic::{self, AssertUnwindSafe};
use std::ptr;

use super::interposer::{Allocate, Allocator, originals};
use super::poisson::Gaps;
use super::sampled::{self, Object};
use super::stacks::Stacks;

thread_local! {
    /// The session of this thread. It has nothing to drop, so it is there until the thread is gone.
    static SAMPLER: Cell<*const Sampler> = const { Cell::new(ptr::null()) };
}

/// Picks the Buffers that become samples.
pub struct Sampler {
    /// Whose allocations count: others' of this thread are another isolate's.
    allocator: *const Allocator,
    /// Bytes until the next sample.
    remaining: Cell<i64>,
    /// Borrowed while a sample is taken.
    sampling: RefCell<Sampling>,
}

/// What taking a sample needs.
pub struct Sampling {
    pub gaps: Gaps,
    pub stacks: Stacks,
    pub session: u64,
    /// That of the latest sample.
    pub ordinal: u64,
    pub is_kept: bool,
}

impl Sampler {
    pub fn new(allocator: *const Allocator, mut sampling: Sampling) -> Sampler {
        let remaining = Cell::new(sampling.gaps.draw());
        Sampler { allocator, remaining, sampling: RefCell::new(sampling) }
    }

    /// Has this thread's allocations counted until [`Sampler::detach`], which must come before it goes away.
    pub fn attach(&self) {
        SAMPLER.set(self);
    }

    pub fn detach() {
        SAMPLER.set(ptr::null());
    }

    /// What only this thread's captures ask for.
    pub fn sampling(&self) -> &RefCell<Sampling> {
        &self.sampling
    }

    /// Each byte is as likely to be sampled, so what is left of a gap when an object ends does not matter.
    fn count(&self, allocator: *const Allocator, data: *mut c_void, size: usize) {
        if allocator != self.allocator {
            return;
        }
        let remaining = self.remaining.get().saturating_sub_unsigned(size as u64);
        self.remaining.set(remaining);
        if remaining < 0 {
            // Not while a sample is taken: V8 may collect garbage then, which runs who knows what.
            let Ok(mut sampling) = self.sampling.try_borrow_mut() else { return };
            self.remaining.set(sampling.gaps.draw());
            sampling.sample(data.addr(), size as u64);
        }
    }
}

impl Sampling {
    fn sample(&mut self, address: usize, size: u64) {
        self.stacks.make_room(self.session);
        let Some(stack) = self.stacks.take() else { return };
        self.ordinal += 1;
        let Sampling { session, ordinal, is_kept, .. } = *self;
        sampled::insert(address, Object { session, size, ordinal, stack, is_kept });
    }
}

fn allocated(allocator: *mut Allocator, data: *mut c_void, size: usize) {
    let sampler = SAMPLER.get();
    // V8 asks for nothing where there is nothing to hold, and says itself if there is no memory.
    if sampler.is_null() || data.is_null() || size == 0 {
        return;
    }
    // SAFETY: whoever attached it detaches it before it goes away, on this thread.
    let sampler = unsafe { &*sampler };
    let count = || sampler.count(allocator, data, size);
    let _ = panic::catch_unwind(AssertUnwindSafe(count));
}

fn freed(data: *mut c_void) -> Option<Object> {
    panic::catch_unwind(|| sampled::remove(data.addr())).unwrap_or_default()
}

/// `original` is one of Node's two functions that allocate.
fn pass_on(original: Option<Allocate>, allocator: *mut Allocator, size: usize) -> *mut c_void {
    // The hooks are in a table only if the originals are known.
    let Some(original) = original else { return ptr::null_mut() };
    // SAFETY: it is what the caller called, with what the caller called it with.
    let data = unsafe { original(allocator, size) };
    allocated(allocator, data, size);
    data
}

pub unsafe extern "C" fn allocate(allocator: *mut Allocator, size: usize) -> *mut c_void {
    pass_on(originals().map(|originals| originals.allocate), allocator, size)
}

pub unsafe extern "C" fn allocate_uninitialized(
    allocator: *mut Allocator,
    size: usize,
) -> *mut c_void {
    pass_on(originals().map(|originals| originals.allocate_uninitialized), allocator, size)
}

pub unsafe extern "C" fn free(allocator: *mut Allocator, data: *mut c_void, size: usize) {
    freed(data);
    let Some(originals) = originals() else { return };
    // SAFETY: it is what the caller called, with what the caller called it with.
    unsafe { (originals.free)(allocator, data, size) }
}

/// One Buffer is gone and there is another.
pub unsafe extern "C" fn reallocate(
    allocator: *mut Allocator,
    data: *mut c_void,
    old_size: usize,
    size: usize,
) -> *mut c_void {
    let before = freed(data);
    let Some(original) = originals().and_then(|originals| originals.reallocate) else {
        return ptr::null_mut();
    };
    // SAFETY: it is what the caller called, with what the caller called it with.
    let moved = unsafe { original(allocator, data, old_size, size) };
    if moved.is_null()
        && size > 0
        && let Some(before) = before
    {
        let _ = panic::catch_unwind(|| sampled::restore(data.addr(), before));
    }
    allocated(allocator, moved, size);
    moved
}
