//! The sampling session of an isolate: who started it, with what, and whether it is still ours.
//!
//! V8 has one sampler per isolate, shared with the inspector and every other profiler, and no
//! notion of an owner. We start it only when none runs, stop it only when it is ours, and stop it
//! when the environment ends: V8 crashes when an isolate goes down while it is sampled.

use std::cell::RefCell;
use std::ffi::{CStr, c_void};
use std::mem::ManuallyDrop;
use std::panic;
use std::ptr::{self, NonNull};

use napi::{Env, sys};

use super::buffers::Buffers;
use super::capture::{self, Capture};
use super::collections::FullCollections;
use super::exact::{self, Exact, Refusal};
use super::ffi::{self, Isolate};
use super::isolate;
use super::node_api::{HandleScope, check};
use super::options::{StartOptions, check_ranges, check_same, check_supported};
use super::probe;
use heap_profile_core::error::{Error, Result};
use heap_profile_core::profile::ExactStacks;
use heap_profile_core::profile::fingerprint::{Fingerprint, has_interval};
use heap_profile_core::profile::metadata::{
    ExternalMemory, Host, Include, Metadata, Options, Session, now, random_id,
};
use heap_profile_core::runtime::Runtime;

// v8::HeapProfiler::SamplingFlags (v8-profiler.h). Node 18's headers lack the last two.
const FORCE_GC: u32 = 1 << 0;
const INCLUDE_COLLECTED_BY_MAJOR_GC: u32 = 1 << 1;
const INCLUDE_COLLECTED_BY_MINOR_GC: u32 = 1 << 2;

const NOT_STARTED: &str = "heap-profile is not sampling: call start() first";
const STOPPED_BEHIND_OUR_BACK: &str = "the sampling session was stopped by another agent of this \
     thread (such as the inspector): call start() to sample again";
const REPLACED_BEHIND_OUR_BACK: &str = "another agent of this thread (such as the inspector) \
     stopped the sampling session of heap-profile and samples now";
const IN_USE: &str = "another agent already samples the heap of this thread: the inspector \
     (DevTools, --heap-prof), another profiler or another copy of heap-profile; V8 has one sampler \
     per thread";

thread_local! {
    /// A thread of Node runs one isolate. The end of the thread does not drop it: after process.exit(),
    /// which runs no cleanup hook, V8's platform is gone by then. What is left goes with the process.
    static STATE: RefCell<ManuallyDrop<State>> =
        const { RefCell::new(ManuallyDrop::new(State::new())) };
}

struct State {
    phase: Phase,
    has_cleanup_hook: bool,
}

enum Phase {
    Idle,
    Sampling(Box<OurSession>),
    /// We started a session and another agent ended it. Its options, to look for the sampler.
    Lost(Options),
}

struct OurSession {
    isolate: NonNull<Isolate>,
    runtime: Runtime,
    session: Session,
    /// Since it started.
    collections: FullCollections,
    /// Of the last capture.
    fingerprint: Fingerprint,
    /// None where they were not asked for. To be dropped before V8's sampler stops.
    exact: Option<std::result::Result<Exact, Refusal>>,
    /// Or why they are not sampled; none where that was not asked for.
    buffers: Option<std::result::Result<Buffers, &'static str>>,
}

/// What came of what a session wishes for and may not get; none of what it did not ask for.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// See [`ExactStacks`].
    pub exact_stacks: Option<ExactStacks>,
    /// See [`ExternalMemory`].
    pub external_memory: Option<ExternalMemory>,
}

impl OurSession {
    /// The profile of the sampler that runs, with V8's stacks; none if that is not ours.
    fn capture(&mut self, env: Env, host: Host) -> Result<Option<Capture>> {
        let metadata = Metadata::new(self.session.clone(), host);
        if let Some(mut capture) = capture::take(env, self.isolate, self.runtime, metadata)?
            && has_interval(&capture.profile)
            && let Some(fingerprint) =
                self.fingerprint.followed_by(Fingerprint::of(&capture.profile))
        {
            self.fingerprint = fingerprint;
            let Wishes { exact_stacks, external_memory } = self.wishes();
            let metadata = &mut capture.profile.parts_mut().metadata;
            // With forceGC the capture itself made one.
            metadata.full_collections = Some(self.collections.get());
            metadata.exact_stacks = exact_stacks;
            metadata.external_memory = external_memory;
            return Ok(Some(capture));
        }
        Ok(None)
    }

    /// Those of now; where they cannot be had, in the middle of a sample of them, it says nothing of any.
    fn with_buffers(&self, mut capture: Capture) -> Capture {
        let Some(Ok(buffers)) = &self.buffers else { return capture };
        match buffers.sampled() {
            Some(sampled) => {
                let has_call_lines = matches!(self.exact, Some(Ok(_)));
                capture.profile = capture.profile.with_buffers(&sampled, has_call_lines);
            }
            None => capture.profile.parts_mut().metadata.external_memory = None,
        }
        capture
    }

    fn wishes(&self) -> Wishes {
        let external_memory = |buffers: &std::result::Result<_, &'static str>| ExternalMemory {
            enabled: buffers.is_ok(),
            reason: buffers.as_ref().err().map(|&reason| reason.to_owned()),
        };
        Wishes {
            exact_stacks: self.exact.as_ref().map(exact::describe),
            external_memory: self.buffers.as_ref().map(external_memory),
        }
    }
}

impl State {
    const fn new() -> State {
        State { phase: Phase::Idle, has_cleanup_hook: false }
    }
}

/// Starts a session, or does nothing when one of ours runs with the options that were asked for. Tells what
/// came of its wishes.
pub fn start(env: Env, asked: StartOptions) -> Result<Wishes> {
    let v8_version = v8_version();
    let runtime = Runtime::of(&v8_version)?;
    let isolate = isolate::current()?;
    STATE.with_borrow_mut(|state| {
        if let Phase::Sampling(ours) = &state.phase
            && is_sampled(isolate, ours.session.options)
        {
            check_same(ours.session.options, asked)?;
            return Ok(ours.wishes());
        }
        let options = asked.over(Options::default());
        check_ranges(options)?;
        check_supported(runtime, options)?;
        add_cleanup_hook(env, state)?;
        if !start_sampler(isolate, options) {
            return Err(Error::SamplerInUse(IN_USE));
        }
        // First of all: what it looks for is known while nothing was sampled.
        let start_exact = || Exact::start(env, isolate, &v8_version, options, turn_exact);
        let exact = options.exact_stacks.then(start_exact);
        let session = Session { session_id: random_id(), started_at: now(), options };
        let fingerprint = Fingerprint::default();
        let collections = FullCollections::count(isolate);
        let sample_buffers = || Buffers::start(env, isolate, options);
        let buffers = options.external_memory.then(sample_buffers);
        let ours =
            OurSession { isolate, runtime, session, collections, fingerprint, exact, buffers };
        let wishes = ours.wishes();
        state.phase = Phase::Sampling(Box::new(ours));
        Ok(wishes)
    })
}

/// Ends our session; does nothing when none of ours runs.
pub fn stop(env: Env) -> Result<()> {
    let isolate = isolate::current()?;
    STATE.with_borrow_mut(|state| {
        if let Phase::Sampling(ours) = &mut state.phase {
            // Nobody gets what is captured from here on.
            ours.exact = None;
        }
        let found = find_ours(env, isolate, state);
        if matches!(state.phase, Phase::Sampling(_)) {
            stop_sampler(isolate);
        }
        state.phase = Phase::Idle;
        match found {
            Err(error @ Error::Internal(_)) => Err(error),
            _ => Ok(()),
        }
    })
}

/// Notices if the sampler that runs is no longer ours, which only a capture can tell.
fn find_ours(env: Env, isolate: NonNull<Isolate>, state: &mut State) -> Result<()> {
    let capture = capture_ours(env, isolate, state, Host::default())?;
    let Phase::Sampling(ours) = &state.phase else { return Ok(()) };
    let options = ours.session.options;
    // Without samples one session is as good as another.
    if !capture.profile.samples.is_empty() || !probe::can_probe(options.sample_interval_bytes) {
        return Ok(());
    }
    for _ in 0..probe::TRIES {
        let _scope = HandleScope::open(env)?;
        probe::allocate(env, options.sample_interval_bytes)?;
        let capture = capture_ours(env, isolate, state, Host::default())?;
        if !capture.profile.samples.is_empty() {
            return Ok(());
        }
    }
    state.phase = Phase::Lost(options);
    Ok(())
}

/// A session that runs.
pub struct Status {
    /// The session.
    pub session: Session,
    /// What came of its wishes.
    pub wishes: Wishes,
    /// Full garbage collections since it started.
    pub full_collections: u64,
}

/// Our session, if it runs.
pub fn status() -> Result<Option<Status>> {
    let isolate = isolate::current()?;
    STATE.with_borrow_mut(|state| {
        let Phase::Sampling(ours) = &state.phase else { return Ok(None) };
        let options = ours.session.options;
        if is_sampled(isolate, options) {
            return Ok(Some(Status {
                session: ours.session.clone(),
                wishes: ours.wishes(),
                full_collections: ours.collections.get(),
            }));
        }
        state.phase = Phase::Lost(options);
        Ok(None)
    })
}

/// Captures the profile of our session.
pub fn capture(env: Env, host: Host) -> Result<Capture> {
    let isolate = isolate::current()?;
    STATE.with_borrow_mut(|state| {
        let capture = capture_exactly(env, isolate, state, host)?;
        Ok(match &state.phase {
            Phase::Sampling(ours) => ours.with_buffers(capture),
            _ => capture,
        })
    })
}

/// With exact stacks, where the session has them.
fn capture_exactly(
    env: Env,
    isolate: NonNull<Isolate>,
    state: &mut State,
    host: Host,
) -> Result<Capture> {
    let mut capture = capture_ours(env, isolate, state, host)?;
    if let Phase::Sampling(ours) = &mut state.phase
        && let Some(Ok(exact)) = &mut ours.exact
    {
        capture.profile = exact.apply(capture.profile);
    }
    Ok(capture)
}

/// For who is called by V8 itself, out of memory: none if a call of ours is under way. A session that is not
/// ours any more is left as it is, as its end takes apart what V8 may be in the midst of.
pub fn capture_at_limit(env: Env, host: Host) -> Option<Result<Capture>> {
    STATE.with(|state| {
        let mut state = state.try_borrow_mut().ok()?;
        let Phase::Sampling(ours) = &mut state.phase else {
            return Some(Err(Error::NotSampling(NOT_STARTED)));
        };
        let mut capture = match ours.capture(env, host) {
            Ok(Some(capture)) => capture,
            Ok(None) => return Some(Err(Error::NotSampling(STOPPED_BEHIND_OUR_BACK))),
            Err(error) => return Some(Err(error)),
        };
        if let Some(Ok(exact)) = &ours.exact {
            capture.profile = exact.apply_known(&capture.profile);
        }
        Some(Ok(ours.with_buffers(capture)))
    })
}

fn capture_ours(
    env: Env,
    isolate: NonNull<Isolate>,
    state: &mut State,
    host: Host,
) -> Result<Capture> {
    let ours = match &mut state.phase {
        Phase::Idle => return Err(Error::NotSampling(NOT_STARTED)),
        Phase::Lost(options) => return Err(lost(isolate, *options)),
        Phase::Sampling(ours) => ours,
    };
    if let Some(capture) = ours.capture(env, host)? {
        return Ok(capture);
    }
    let options = ours.session.options;
    state.phase = Phase::Lost(options);
    Err(lost(isolate, options))
}

/// From the event loop.
fn turn_exact(env: Env) {
    STATE.with(|state| {
        // Borrowed by nobody: a call from JavaScript cannot wait for the event loop.
        let Ok(mut state) = state.try_borrow_mut() else { return };
        let Phase::Sampling(ours) = &mut state.phase else { return };
        let isolate = ours.isolate;
        let Some(Ok(exact)) = &mut ours.exact else { return };
        if exact.turn() {
            // For what it makes exact stacks forget; who asks next is told what is wrong with it.
            let _ = capture_exactly(env, isolate, &mut state, Host::default());
        }
    });
}

fn lost(isolate: NonNull<Isolate>, options: Options) -> Error {
    if is_sampled(isolate, options) {
        Error::SamplerInUse(REPLACED_BEHIND_OUR_BACK)
    } else {
        Error::NotSampling(STOPPED_BEHIND_OUR_BACK)
    }
}

/// Such as `11.3.244.8-node.38`.
fn v8_version() -> String {
    // SAFETY: v8::V8::GetVersion takes nothing and returns a static string on every version.
    let version = unsafe { ffi::hp_version_get() };
    // SAFETY: that string is NUL-terminated and never freed.
    let version = unsafe { CStr::from_ptr(version) };
    version.to_string_lossy().into_owned()
}

/// False when a sampler already runs.
fn start_sampler(isolate: NonNull<Isolate>, options: Options) -> bool {
    let mut flags = if options.force_gc { FORCE_GC } else { 0 };
    if options.include == Include::Allocated {
        flags |= INCLUDE_COLLECTED_BY_MAJOR_GC | INCLUDE_COLLECTED_BY_MINOR_GC;
    }
    let interval = u64::from(options.sample_interval_bytes);
    // SAFETY: the isolate is this thread's; the interval is not 0, on which V8 aborts
    // (check_ranges), and the flags exist in this V8 (check_supported).
    unsafe { ffi::hp_sampler_start(isolate.as_ptr(), interval, options.stack_depth as i32, flags) }
}

fn stop_sampler(isolate: NonNull<Isolate>) {
    // SAFETY: the isolate is this thread's; V8 does nothing when no sampler runs.
    unsafe { ffi::hp_sampler_stop(isolate.as_ptr()) }
}

/// Whether a sampler, whoever's, runs. V8 has no way to ask: starting one fails if so.
fn is_sampled(isolate: NonNull<Isolate>, options: Options) -> bool {
    let started = start_sampler(isolate, options);
    if started {
        stop_sampler(isolate);
    }
    !started
}

/// Once per thread: Node aborts when the same hook is added twice.
fn add_cleanup_hook(env: Env, state: &mut State) -> Result<()> {
    if state.has_cleanup_hook {
        return Ok(());
    }
    // SAFETY: the environment is the one that called us; the hook uses no argument, and it stays
    // mapped as the library is linked nodelete.
    let status = unsafe {
        sys::napi_add_env_cleanup_hook(env.raw(), Some(end_with_environment), ptr::null_mut())
    };
    check("napi_add_env_cleanup_hook", status)?;
    state.has_cleanup_hook = true;
    Ok(())
}

/// Runs on the environment's thread while its isolate is still whole.
extern "C" fn end_with_environment(_argument: *mut c_void) {
    let _ = panic::catch_unwind(|| {
        let state = STATE.replace(ManuallyDrop::new(State::new()));
        let state = ManuallyDrop::into_inner(state);
        if let Phase::Sampling(mut ours) = state.phase {
            ours.exact = None;
            stop_sampler(ours.isolate);
        }
    });
}
