//! The last moment of a thread that runs out of heap: V8 asks for a higher limit before it gives up, and there
//! a profile can still be taken.
//!
//! Facts of V8 that shape this (tried on every verified version, doc/architecture.md): it calls only the
//! callback that was added last, and takes what does not raise the limit for the end of the process; one
//! function can be added once per isolate, else it aborts; taking a profile allocates, and may call
//! us again in the midst of it.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::panic::{self, AssertUnwindSafe};
use std::ptr::NonNull;

use napi::Env;

use super::capture::Capture;
use super::ffi::{self, Isolate};
use super::{isolate, sampler};
use heap_profile_core::error::{Error, Result};
use heap_profile_core::profile::metadata::Host;

/// Where V8 tells no size of the young generation.
const SOME_ROOM: usize = 16 << 20;
/// V8 takes the limit back once the heap is smaller than this part of it.
const RESTORED_BELOW: f64 = 0.5;

thread_local! {
    /// Whether this thread's isolate has our callback.
    static IS_ADDED: Cell<bool> = const { Cell::new(false) };
}

/// Takes profiles when the heap of a thread is nearly full, until it is dropped or has taken all.
pub struct HeapLimit {
    /// V8 has the address: it stays where it is.
    armed: NonNull<Armed>,
}

struct Armed {
    isolate: NonNull<Isolate>,
    env: Env,
    plan: Plan,
    /// How many profiles are still to be taken.
    left: Cell<u32>,
    is_inside: Cell<bool>,
}

/// What to do at the limit.
pub struct Plan {
    /// How many profiles, one each time that the limit is reached.
    pub profiles: u32,
    /// Of the process; what it says of memory is not used.
    pub host: Host,
    /// Gets what was taken, or why nothing was. No JavaScript can run.
    pub write: RefCell<Box<dyn FnMut(Result<Capture>)>>,
}

impl HeapLimit {
    /// For this thread, which can have one, and is the main one: of a worker Node watches the limit, to end the
    /// worker alone, and does not come to that once the limit was raised.
    pub fn arm(env: Env, plan: Plan) -> Result<HeapLimit> {
        let isolate = isolate::current()?;
        if IS_ADDED.get() {
            return Err(Error::internal("the heap limit of this thread is watched already"));
        }
        let left = Cell::new(plan.profiles);
        let armed = Armed { isolate, env, plan, left, is_inside: Cell::new(false) };
        let armed = NonNull::from(Box::leak(Box::new(armed)));
        let data = armed.as_ptr().cast();
        // SAFETY: the isolate is this thread's and has no callback of this address; what is armed is on
        // the heap until V8 has forgotten it.
        unsafe { ffi::hp_heap_limit_watch(isolate.as_ptr(), near_heap_limit, data) };
        IS_ADDED.set(true);
        Ok(HeapLimit { armed })
    }
}

impl Drop for HeapLimit {
    fn drop(&mut self) {
        // SAFETY: it was a Box; V8 calls us on this thread only, which is not now.
        let armed = unsafe { Box::from_raw(self.armed.as_ptr()) };
        armed.remove();
    }
}

impl Armed {
    /// V8 aborts when it is told to forget what it does not know.
    fn remove(&self) {
        if IS_ADDED.replace(false) {
            // SAFETY: it is this thread's isolate, whole still, and has this callback.
            unsafe { ffi::hp_heap_limit_unwatch(self.isolate.as_ptr(), near_heap_limit) };
        }
    }

    /// The new limit.
    fn reached(&self, current: usize) -> usize {
        let young = self.whole_limit().saturating_sub(current);
        // As much as one collection of the young generation can move into the old one: V8's own measure of
        // what it needs to go on.
        let room = if young == 0 { SOME_ROOM } else { young };
        // The capture itself wants memory.
        if !self.is_inside.replace(true) {
            self.take();
            self.is_inside.set(false);
        }
        // It may have raised the limit, and no limit but a higher one keeps V8 from giving up.
        let now = self.whole_limit().saturating_sub(young).max(current);
        now.saturating_add(room)
    }

    fn take(&self) {
        // None if a call of ours is under way, as a capture that reached the limit. The next time will do.
        let Some(taken) = sampler::capture_at_limit(self.env, self.plan.host.clone()) else {
            return;
        };
        if let Ok(mut write) = self.plan.write.try_borrow_mut() {
            write(taken);
        }
        self.left.set(self.left.get().saturating_sub(1));
        self.restore_later();
        if self.left.get() == 0 {
            // Leaves the limit to whoever watched it before.
            self.remove();
        }
    }

    /// Of the old and the young generation together.
    fn whole_limit(&self) -> usize {
        // SAFETY: the isolate is this thread's.
        unsafe { ffi::hp_heap_size_limit_get(self.isolate.as_ptr()) }
    }

    fn restore_later(&self) {
        // SAFETY: the isolate is this thread's.
        unsafe { ffi::hp_heap_limit_restore_below(self.isolate.as_ptr(), RESTORED_BELOW) };
    }
}

extern "C" fn near_heap_limit(data: *mut c_void, current: usize, _initial: usize) -> usize {
    // SAFETY: V8 passes what was armed, which is alive for as long as V8 knows it.
    let armed = unsafe { &*data.cast::<Armed>() };
    let reached = panic::catch_unwind(AssertUnwindSafe(|| armed.reached(current)));
    reached.unwrap_or_else(|_| current.saturating_add(SOME_ROOM))
}
