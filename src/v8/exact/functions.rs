//! V8's public functions that exact stacks need, found by name in the running program: each Node.js has
//! them under the same names, but for two.

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
pub struct RawOptions([u8; 128]);

impl RawOptions {
    /// Space for them.
    pub const EMPTY: RawOptions = RawOptions([0; 128]);
}

/// `v8::CpuProfilingResult`.
#[repr(C)]
pub struct Started {
    pub id: u32,
    pub status: c_int,
}

/// `std::optional<uint64_t>`, passed in two registers.
#[repr(C)]
struct NoTraceId {
    value: u64,
    is_there: bool,
}

/// `v8::RegisterState` and `v8::SampleInfo`, both in less than this many words.
type Words = [usize; 32];
/// Of a node.
pub type Getter<T> = unsafe extern "C" fn(*const RawNode) -> T;
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
    pub new: unsafe extern "C" fn(*mut Isolate, c_int, c_int) -> *mut RawProfiler,
    pub dispose: unsafe extern "C" fn(*mut RawProfiler),
    pub set_interval: unsafe extern "C" fn(*mut RawProfiler, c_int),
    pub options: OptionsConstructor,
    pub start: unsafe extern "C" fn(*mut RawProfiler, *mut RawOptions, *mut *mut c_void) -> Started,
    pub stop: unsafe extern "C" fn(*mut RawProfiler, u32) -> *mut RawProfile,
    collect: Collect,
    stack_sample: StackSample,
    pub samples_count: unsafe extern "C" fn(*const RawProfile) -> c_int,
    pub sample: unsafe extern "C" fn(*const RawProfile, c_int) -> *const RawNode,
    pub sample_time: unsafe extern "C" fn(*const RawProfile, c_int) -> i64,
    pub delete: unsafe extern "C" fn(*mut RawProfile),
    pub parent: Getter<*const RawNode>,
    pub name: Getter<*const c_char>,
    pub script_name: Getter<*const c_char>,
    pub script_id: Getter<c_int>,
    pub line: Getter<c_int>,
    pub column: Getter<c_int>,
    pub source_type: Getter<c_int>,
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
