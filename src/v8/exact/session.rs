//! Exact stacks of a sampling session, from its start to its end.

use std::ptr::NonNull;

use heap_profile_core::profile::Profile;
use heap_profile_core::profile::metadata::Options;
use napi::Env;

use super::flags;
use super::functions::Functions;
use super::hook::Hook;
use super::layouts::Layout;
use super::locate::{Known, locate};
use super::other_profile::OurProfiler;
use super::recorder::Recorder;
use super::return_address::own_stack;
use super::rotation::Rotation;
use super::wake::Wake;
use super::{Refusal, Turn};
use crate::v8::ffi::{self, Isolate};

/// What records the stacks. Dropped before V8's sampler stops, in this order.
pub struct Exact {
    _hook: Hook,
    /// Where the hook has its address.
    recorder: Box<Recorder>,
    rotation: Rotation,
    _profiler: OurProfiler,
}

impl Exact {
    /// Starts with a sampler that has just been started, with these options, in this thread's isolate.
    pub fn start(
        env: Env,
        isolate: NonNull<Isolate>,
        v8_version: &str,
        options: Options,
        turn: Turn,
    ) -> Result<Exact, Refusal> {
        let layout = Layout::of(v8_version)?;
        flags::check()?;
        let profiler = OurProfiler::announce()?;
        // SAFETY: the isolate is this thread's.
        let heap_profiler = unsafe { ffi::hp_heap_profiler_get(isolate.as_ptr()) };
        let known = Known::new(isolate.as_ptr().expose_provenance(), heap_profiler, options);
        let location = locate(&known, &layout)?;
        let functions = Functions::find()?;
        let stack = own_stack().ok_or_else(|| Refusal("this thread's stack is unknown".into()))?;
        let wake = Wake::new(env, turn).map_err(|error| Refusal(error.to_string()))?;
        let recorder = Recorder::new(functions, isolate, stack, wake);
        let rotation = Rotation::start(functions, isolate, options)?;
        recorder.ask(rotation.first_ask());
        let hook = Hook::install(location, &recorder)?;
        Ok(Exact { _hook: hook, recorder, rotation, _profiler: profiler })
    }

    /// The profile of a capture, with exact stacks where they are known.
    pub fn apply(&mut self, profile: Profile) -> Profile {
        self.rotation.apply(&profile, &self.recorder)
    }

    /// The same with what is known already: it neither waits for V8's thread nor changes anything.
    pub fn apply_known(&self, profile: &Profile) -> Profile {
        self.rotation.apply_known(profile)
    }

    /// Gets stacks out of V8 a step at a time; from the event loop. Whether it is time for a capture, which
    /// tells whose stacks need not be kept.
    pub fn turn(&mut self) -> bool {
        self.rotation.turn(&self.recorder);
        self.rotation.wants_capture()
    }
}
