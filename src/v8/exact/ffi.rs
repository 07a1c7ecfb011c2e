//! The C ABI of hook.h as Rust sees it.

use std::ffi::c_void;
use std::mem::size_of;

/// `hp_hook`.
#[repr(C)]
pub struct RawHook {
    _opaque: [u8; 0],
}

/// Where the hook goes.
#[repr(C)]
pub struct HookPlace {
    pub observer: *mut usize,
    pub last_sample_id: *const u64,
}

/// `hp_sampled`; the recorder is a `Recorder` of recorder.rs.
pub type Sampled = extern "C" fn(recorder: *const c_void, ordinal: u64, size: u64, frame: usize);

const _: () = assert!(size_of::<HookPlace>() == 16);

unsafe extern "C" {
    pub fn hp_hook_install(
        place: HookPlace,
        sampled: Sampled,
        recorder: *const c_void,
    ) -> *mut RawHook;
    pub fn hp_hook_vtable(hook: *const RawHook) -> usize;
    pub fn hp_hook_remove(hook: *mut RawHook);
    pub fn hp_hook_abandon(hook: *mut RawHook);
}
