//! The hook in V8's sampler, which hook.cc is the inside of: in from when it is made until it is
//! dropped.

use std::ptr::{self, NonNull};

use super::Refusal;
use super::ffi::{self, HookPlace, RawHook};
use super::locate::Location;
use super::memory::read_word;
use super::recorder::{self, Recorder};

/// A hook that is in.
pub struct Hook {
    raw: NonNull<RawHook>,
    location: Location,
}

impl Hook {
    /// Puts it in. The recorder must be dropped later than the hook.
    pub fn install(location: Location, recorder: &Recorder) -> Result<Hook, Refusal> {
        let place = HookPlace {
            observer: ptr::with_exposed_provenance_mut(location.observer),
            last_sample_id: ptr::with_exposed_provenance(location.last_sample_id),
        };
        // SAFETY: locate.rs has verified both addresses, and that the observer has a vtable of the
        // shape that hook.cc copies; we are on the isolate's thread, and nothing ran in between.
        let raw = unsafe { ffi::hp_hook_install(place, recorder::sampled, recorder.as_ptr()) };
        let raw = NonNull::new(raw).ok_or_else(|| Refusal("there is no memory for them".into()))?;
        Ok(Hook { raw, location })
    }

    /// Whether the sampler is still the one that it was put into: V8 may have ended it for another
    /// agent.
    fn is_in(&self) -> bool {
        // SAFETY: the hook is freed by `drop` only.
        let ours = unsafe { ffi::hp_hook_vtable(self.raw.as_ptr()) };
        read_word(self.location.slot).is_ok_and(|sampler| sampler == self.location.sampler)
            && read_word(self.location.observer).is_ok_and(|vtable| vtable == ours)
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        if self.is_in() {
            // SAFETY: the observer is there and has our vtable; V8 calls it on this thread only.
            unsafe { ffi::hp_hook_remove(self.raw.as_ptr()) }
        } else {
            // SAFETY: as in `is_in`; it touches nothing of V8's.
            unsafe { ffi::hp_hook_abandon(self.raw.as_ptr()) }
        }
    }
}
