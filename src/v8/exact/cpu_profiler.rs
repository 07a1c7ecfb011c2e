//! V8's CPU profiler. It records the stack of this thread when it is told to, and its own thread (the
//! processor) finds out later what was inlined into what: it looks at what was recorded once a period,
//! and when it is stopped.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::ptr::{self, NonNull};

use super::functions::{Functions, Getter, RawNode, RawOptions, RawProfile, RawProfiler};
use crate::v8::ffi::Isolate;

/// `kDebugNaming`: the names that the heap profiler has.
const DEBUG_NAMING: c_int = 1;
/// `kLazyLogging`: what V8 compiles is followed while a profile is taken.
const LAZY_LOGGING: c_int = 0;
/// `kCallerLineNumbers`: a node for each line of a call.
const CALLER_LINE_NUMBERS: c_int = 1;
/// `CpuProfilingOptions::kNoSampleLimit`.
const NO_SAMPLE_LIMIT: c_uint = c_uint::MAX;
/// `CpuProfilingStatus::kStarted`.
const STARTED: c_int = 0;

/// One of V8's profilers, ours.
pub struct CpuProfiler {
    functions: Functions,
    raw: NonNull<RawProfiler>,
}

impl CpuProfiler {
    /// One that takes no profile yet. The period is that of its thread, at the shortest.
    pub fn new(
        functions: Functions,
        isolate: NonNull<Isolate>,
        period_us: i32,
    ) -> Option<CpuProfiler> {
        // SAFETY: the isolate is this thread's, and lives longer: the session ends before it.
        let raw = unsafe { (functions.new)(isolate.as_ptr(), DEBUG_NAMING, LAZY_LOGGING) };
        let raw = NonNull::new(raw)?;
        // SAFETY: it has just been made, and takes no profile.
        unsafe { (functions.set_interval)(raw.as_ptr(), period_us) };
        Some(CpuProfiler { functions, raw })
    }

    /// Starts a profile and tells its id. While profiles are taken, V8 records stacks by itself too, every
    /// greatest common divisor of their intervals; a change of that divisor has V8 process all that was
    /// recorded before, in this call.
    pub fn start(&self, interval_us: i32) -> Option<u32> {
        let mut options = RawOptions::EMPTY;
        let mut no_delegate: *mut c_void = ptr::null_mut();
        let (functions, options) = (&self.functions, &raw mut options);
        // SAFETY: the space is larger than the class, and what it makes there owns nothing.
        unsafe {
            (functions.options)(
                options,
                CALLER_LINE_NUMBERS,
                NO_SAMPLE_LIMIT,
                interval_us,
                ptr::null(),
                0,
            );
        }
        // SAFETY: the profiler is ours and alive; both arguments are passed by address, as they are not
        // trivial, and the std::unique_ptr is empty.
        let started =
            unsafe { (functions.start)(self.raw.as_ptr(), options, &raw mut no_delegate) };
        (started.status == STARTED).then_some(started.id)
    }

    /// Stops that profile, without what was not yet processed unless it is the last one.
    pub fn stop(&self, id: u32) -> Option<CpuProfile> {
        // SAFETY: the profiler is ours and alive; an unknown id gives null.
        let raw = unsafe { (self.functions.stop)(self.raw.as_ptr(), id) };
        Some(CpuProfile { functions: self.functions, raw: NonNull::new(raw)? })
    }
}

impl Drop for CpuProfiler {
    fn drop(&mut self) {
        // SAFETY: it takes no profile any more (rotation.rs), and all of its profiles are deleted.
        unsafe { (self.functions.dispose)(self.raw.as_ptr()) }
    }
}

/// A profile that was stopped: V8 does not change it any more.
pub struct CpuProfile {
    functions: Functions,
    raw: NonNull<RawProfile>,
}

impl CpuProfile {
    /// When each sample was taken, in microseconds of CLOCK_MONOTONIC (1 more on some versions), and its
    /// innermost node.
    pub fn samples(&self) -> Vec<(i64, NodeRef)> {
        let (functions, raw) = (&self.functions, self.raw.as_ptr());
        // SAFETY: the profile is alive.
        let count = unsafe { (functions.samples_count)(raw) };
        let samples = (0..count).map(|index| {
            // SAFETY: as above, and the index is below the count.
            let time = unsafe { (functions.sample_time)(raw, index) };
            // SAFETY: as above.
            (time, NodeRef(unsafe { (functions.sample)(raw, index) }))
        });
        samples.collect()
    }

    /// Where V8 has it.
    pub fn address(&self) -> usize {
        self.raw.as_ptr().expose_provenance()
    }

    /// The caller of a node; none for the root.
    pub fn parent(&self, node: NodeRef) -> Option<NodeRef> {
        let parent = self.get(node, self.functions.parent);
        (!parent.is_null()).then_some(NodeRef(parent))
    }

    /// Its name, as long as the profile is there.
    pub fn name(&self, node: NodeRef) -> &CStr {
        self.text(self.get(node, self.functions.name))
    }

    /// The name of its script, likewise.
    pub fn script_name(&self, node: NodeRef) -> &CStr {
        self.text(self.get(node, self.functions.script_name))
    }

    /// V8's id of its script, 0 for none.
    pub fn script_id(&self, node: NodeRef) -> i32 {
        self.get(node, self.functions.script_id)
    }

    /// The line in the caller where it was called; where the function starts if that is unknown.
    pub fn call_line(&self, node: NodeRef) -> i32 {
        self.get(node, self.functions.line)
    }

    /// The column where the function starts; since Node.js 26, that of the call.
    pub fn column(&self, node: NodeRef) -> i32 {
        self.get(node, self.functions.column)
    }

    /// Whether it is a function of JavaScript, a script's or V8's own.
    pub fn is_function(&self, node: NodeRef) -> bool {
        // CpuProfileNode::SourceType: kScript is 0, kBuiltin 1.
        matches!(self.get(node, self.functions.source_type), 0 | 1)
    }

    fn get<T>(&self, node: NodeRef, getter: Getter<T>) -> T {
        // SAFETY: nodes come from this profile, which is alive.
        unsafe { getter(node.0) }
    }

    fn text(&self, text: *const c_char) -> &CStr {
        if text.is_null() {
            return c"";
        }
        // SAFETY: V8 keeps names that end with NUL as long as a node has them.
        unsafe { CStr::from_ptr(text) }
    }
}

impl Drop for CpuProfile {
    fn drop(&mut self) {
        // SAFETY: it was stopped, nobody else has it, and its profiler is alive.
        unsafe { (self.functions.delete)(self.raw.as_ptr()) }
    }
}

/// A node of the profile that gave it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeRef(*const RawNode);

impl NodeRef {
    /// Where V8 has it.
    pub fn address(self) -> usize {
        self.0.addr()
    }
}
