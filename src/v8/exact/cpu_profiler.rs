//! V8's CPU profiler, whose public functions are found by name in the running program: each Node.js has
//! them under the same names, but for two.
//!
//! It records the stack of this thread when it is told to, and its own thread (the processor) finds out
//! later what was inlined into what: it looks at what was recorded once a period, and when it is stopped.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::mem;
use std::ptr::{self, NonNull};

use super::Refusal;
use super::memory::symbol;
use crate::v8::ffi::Isolate;

/// `v8::CpuProfiler`.
#[repr(C)]
pub struct RawProfiler {
    _opaque: [u8; 0],
}

/// `v8::CpuProfile`.
#[repr(C)]
pub struct RawProfile {
    _opaque: [u8; 0],
}

/// `v8::CpuProfileNode`.
#[repr(C)]
pub struct RawNode {
    _opaque: [u8; 0],
}

/// `v8::CpuProfilingOptions`, which is passed by address and takes less than this on every version.
#[repr(C, align(16))]
struct RawOptions([u8; 128]);

/// `v8::CpuProfilingResult`.
#[repr(C)]
struct Started {
    id: u32,
    status: c_int,
}

/// `std::optional<uint64_t>`, passed in two registers.
#[repr(C)]
struct NoTraceId {
    value: u64,
    is_there: bool,
}

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

/// `v8::RegisterState` and `v8::SampleInfo`, both in less than this many words.
pub type Words = [usize; 32];
type Getter<T> = unsafe extern "C" fn(*const RawNode) -> T;
type OptionsConstructor =
    unsafe extern "C" fn(*mut RawOptions, c_int, c_uint, c_int, *const c_void, c_int);
type StackSample =
    unsafe extern "C" fn(*mut Isolate, *const Words, *mut usize, usize, *mut Words) -> bool;

/// `CpuProfiler::CollectSample`, without and with the identifier of a trace event.
#[derive(Clone, Copy)]
enum Collect {
    Plain(unsafe extern "C" fn(*mut Isolate)),
    Traced(unsafe extern "C" fn(*mut Isolate, NoTraceId)),
}

/// V8's functions.
#[derive(Clone, Copy)]
pub struct Functions {
    new: unsafe extern "C" fn(*mut Isolate, c_int, c_int) -> *mut RawProfiler,
    dispose: unsafe extern "C" fn(*mut RawProfiler),
    set_interval: unsafe extern "C" fn(*mut RawProfiler, c_int),
    options: OptionsConstructor,
    start: unsafe extern "C" fn(*mut RawProfiler, *mut RawOptions, *mut *mut c_void) -> Started,
    stop: unsafe extern "C" fn(*mut RawProfiler, u32) -> *mut RawProfile,
    collect: Collect,
    stack_sample: StackSample,
    samples_count: unsafe extern "C" fn(*const RawProfile) -> c_int,
    sample: unsafe extern "C" fn(*const RawProfile, c_int) -> *const RawNode,
    sample_time: unsafe extern "C" fn(*const RawProfile, c_int) -> i64,
    delete: unsafe extern "C" fn(*mut RawProfile),
    parent: Getter<*const RawNode>,
    name: Getter<*const c_char>,
    script_name: Getter<*const c_char>,
    script_id: Getter<c_int>,
    line: Getter<c_int>,
    column: Getter<c_int>,
    source_type: Getter<c_int>,
}

impl Functions {
    pub fn find() -> Result<Functions, Refusal> {
        Ok(Functions {
            new: find(c"_ZN2v811CpuProfiler3NewEPNS_7IsolateENS_22CpuProfilingNamingModeENS_23CpuProfilingLoggingModeE")?,
            dispose: find(c"_ZN2v811CpuProfiler7DisposeEv")?,
            set_interval: find(c"_ZN2v811CpuProfiler19SetSamplingIntervalEi")?,
            // The older one takes one argument less, and the last one is in a register of its own.
            options: find(c"_ZN2v819CpuProfilingOptionsC1ENS_16CpuProfilingModeEjiNS_10MaybeLocalINS_7ContextEEENS_16CpuProfileSourceE")
                .or_else(|_| find(c"_ZN2v819CpuProfilingOptionsC1ENS_16CpuProfilingModeEjiNS_10MaybeLocalINS_7ContextEEE"))?,
            start: find(c"_ZN2v811CpuProfiler5StartENS_19CpuProfilingOptionsESt10unique_ptrINS_24DiscardedSamplesDelegateESt14default_deleteIS3_EE")?,
            stop: find(c"_ZN2v811CpuProfiler4StopEj")?,
            collect: find(c"_ZN2v811CpuProfiler13CollectSampleEPNS_7IsolateESt8optionalImE")
                .map(Collect::Traced)
                .or_else(|_| find(c"_ZN2v811CpuProfiler13CollectSampleEPNS_7IsolateE").map(Collect::Plain))?,
            stack_sample: find(c"_ZN2v87Isolate14GetStackSampleERKNS_13RegisterStateEPPvmPNS_10SampleInfoE")?,
            samples_count: find(c"_ZNK2v810CpuProfile15GetSamplesCountEv")?,
            sample: find(c"_ZNK2v810CpuProfile9GetSampleEi")?,
            sample_time: find(c"_ZNK2v810CpuProfile18GetSampleTimestampEi")?,
            delete: find(c"_ZN2v810CpuProfile6DeleteEv")?,
            parent: find(c"_ZNK2v814CpuProfileNode9GetParentEv")?,
            name: find(c"_ZNK2v814CpuProfileNode18GetFunctionNameStrEv")?,
            script_name: find(c"_ZNK2v814CpuProfileNode24GetScriptResourceNameStrEv")?,
            script_id: find(c"_ZNK2v814CpuProfileNode11GetScriptIdEv")?,
            line: find(c"_ZNK2v814CpuProfileNode13GetLineNumberEv")?,
            column: find(c"_ZNK2v814CpuProfileNode15GetColumnNumberEv")?,
            source_type: find(c"_ZNK2v814CpuProfileNode13GetSourceTypeEv")?,
        })
    }

    /// Records the stack of this thread in all profiles that its isolate takes.
    ///
    /// # Safety
    /// The isolate must be this thread's.
    pub unsafe fn collect_sample(&self, isolate: NonNull<Isolate>) {
        match self.collect {
            // SAFETY: the caller's promise; V8 walks the stack as its sampler has just done, and allocates
            // plain memory only.
            Collect::Plain(collect) => unsafe { collect(isolate.as_ptr()) },
            Collect::Traced(collect) => {
                let none = NoTraceId { value: 0, is_there: false };
                // SAFETY: as above; an optional of a trivial type is passed as such a struct is.
                unsafe { collect(isolate.as_ptr(), none) }
            }
        }
    }

    /// Where the innermost frame of JavaScript goes on after the call that led here, from a stack pointer
    /// on this thread's stack.
    ///
    /// # Safety
    /// As for `collect_sample`.
    pub unsafe fn return_address(&self, isolate: NonNull<Isolate>, sp: usize) -> Option<usize> {
        let (mut registers, mut info, mut frames) = ([0; 32], [0; 32], [0_usize; 2]);
        // pc, sp and fp: V8 takes the frames from where JavaScript called out, and uses these as bounds.
        registers[..3].copy_from_slice(&[sp, sp, sp]);
        let length = frames.len();
        let (registers, information) = (&raw const registers, &raw mut info);
        let frames_start = frames.as_mut_ptr();
        // SAFETY: the caller's promise; all buffers are larger than what V8 puts into them.
        let found = unsafe {
            (self.stack_sample)(isolate.as_ptr(), registers, frames_start, length, information)
        };
        // SampleInfo starts with the number of frames.
        (found && (1..=length).contains(&info[0])).then_some(frames[0])
    }
}

/// What the program exports under that name, as a function of that type.
fn find<F: Copy>(name: &CStr) -> Result<F, Refusal> {
    const { assert!(mem::size_of::<F>() == mem::size_of::<usize>()) };
    let address = symbol(name).ok_or_else(|| {
        Refusal(format!("this Node.js does not export {}", name.to_string_lossy()))
    })?;
    let address: *const c_void = ptr::with_exposed_provenance(address);
    // SAFETY: V8's function of that mangled name, which says the types of its arguments, is there.
    Ok(unsafe { mem::transmute_copy(&address) })
}

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
        let mut options = RawOptions([0; 128]);
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
