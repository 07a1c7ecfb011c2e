//! The C ABI of shim.h as Rust sees it: opaque pointers, plain structs, their layouts asserted.

use std::ffi::{c_char, c_uint, c_void};
use std::mem::{offset_of, size_of};

/// `v8::Isolate`.
#[repr(C)]
pub struct Isolate {
    _opaque: [u8; 0],
}

/// `v8::AllocationProfile`.
#[repr(C)]
pub struct AllocationProfile {
    _opaque: [u8; 0],
}

/// `v8::AllocationProfile::Node`.
#[repr(C)]
pub struct ProfileNode {
    _opaque: [u8; 0],
}

/// The slot of a `v8::Local<v8::String>`: a `napi_value`.
#[repr(C)]
pub struct StringSlot {
    _opaque: [u8; 0],
}

/// `v8::AllocationProfile::Allocation`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Allocation {
    pub size: usize,
    pub count: c_uint,
}

/// What a node says, borrowed from the profile it belongs to.
#[repr(C)]
pub struct NodeView {
    pub name: *mut StringSlot,
    pub script_name: *mut StringSlot,
    pub name_key: usize,
    pub script_name_key: usize,
    pub children: *const *const ProfileNode,
    pub children_length: usize,
    pub allocations: *const Allocation,
    pub allocations_length: usize,
    pub script_id: i32,
    pub start_position: i32,
    pub line_number: i32,
    pub column_number: i32,
    pub node_id: u32,
}

/// One sampled object.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct Sample {
    pub size: u64,
    pub sample_id: u64,
    pub node_id: u32,
    pub count: u32,
    pub is_live: u32,
}

/// How the running V8 lays out `v8::AllocationProfile::Sample`: its size in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum SampleLayout {
    /// 32 bytes.
    WithoutLiveness = 32,
    /// 40 bytes, with `is_live`.
    WithLiveness = 40,
}

/// What to call with its own address after a full garbage collection.
#[repr(C)]
pub struct Watch {
    pub notify: extern "C" fn(*mut Watch),
}

/// `v8::NearHeapLimitCallback`: data, current limit, initial limit; the new limit.
pub type NearHeapLimit = extern "C" fn(*mut c_void, usize, usize) -> usize;

const _: () = {
    assert!(size_of::<NodeView>() == 88);
    assert!(offset_of!(NodeView, children) == 32);
    assert!(offset_of!(NodeView, script_id) == 64);
    assert!(offset_of!(NodeView, node_id) == 80);
    assert!(size_of::<Sample>() == 32);
    assert!(offset_of!(Sample, is_live) == 24);
    assert!(size_of::<Allocation>() == 16);
    assert!(offset_of!(Allocation, count) == 8);
};

unsafe extern "C" {
    pub fn hp_version_get() -> *const c_char;
    pub fn hp_isolate_get_current() -> *mut Isolate;
    #[cfg(exact_stacks)]
    pub fn hp_heap_profiler_get(isolate: *mut Isolate) -> usize;
    pub fn hp_sampler_start(
        isolate: *mut Isolate,
        interval: u64,
        stack_depth: i32,
        flags: u32,
    ) -> bool;
    pub fn hp_sampler_stop(isolate: *mut Isolate);
    pub fn hp_collections_watch(isolate: *mut Isolate, watch: *mut Watch);
    pub fn hp_collections_unwatch(isolate: *mut Isolate, watch: *mut Watch);
    pub fn hp_heap_limit_watch(isolate: *mut Isolate, near: NearHeapLimit, data: *mut c_void);
    pub fn hp_heap_limit_unwatch(isolate: *mut Isolate, near: NearHeapLimit);
    pub fn hp_heap_limit_restore_below(isolate: *mut Isolate, part: f64);
    pub fn hp_heap_size_limit_get(isolate: *mut Isolate) -> usize;
    pub fn hp_profile_take(isolate: *mut Isolate) -> *mut AllocationProfile;
    pub fn hp_profile_delete(profile: *mut AllocationProfile);
    pub fn hp_profile_get_root(profile: *mut AllocationProfile) -> *const ProfileNode;
    pub fn hp_node_read(node: *const ProfileNode, view: *mut NodeView);
    pub fn hp_samples_count(profile: *mut AllocationProfile, layout: SampleLayout) -> usize;
    pub fn hp_samples_copy(
        profile: *mut AllocationProfile,
        layout: SampleLayout,
        samples: *mut Sample,
        length: usize,
    );
}
