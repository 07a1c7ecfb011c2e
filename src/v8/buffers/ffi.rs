//! The C ABI of stack.h as Rust sees it.

use std::ffi::c_void;
use std::mem::{offset_of, size_of};

use crate::v8::ffi::{Isolate, StringSlot};

/// The slot of a `v8::Local<v8::StackTrace>`.
#[repr(C)]
pub struct Stack {
    _opaque: [u8; 0],
}

/// The slot of a `v8::Local<v8::StackFrame>`.
#[repr(C)]
pub struct Frame {
    _opaque: [u8; 0],
}

/// See stack.h. The default knows nothing.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct FunctionLayout {
    pub start_position: Option<unsafe extern "C" fn(*const usize) -> i32>,
    pub function_type: u16,
    pub scope_offset: u16,
    pub scope_type: u16,
    pub start_offset: u16,
}

/// See stack.h.
#[repr(C)]
pub struct FrameView {
    pub frame: *mut Frame,
    pub script_id: i32,
    pub start_position: i32,
}

/// See stack.h.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Place {
    pub line: i32,
    pub column: i32,
}

const _: () = {
    assert!(size_of::<FunctionLayout>() == 16);
    assert!(offset_of!(FunctionLayout, start_offset) == 14);
    assert!(size_of::<FrameView>() == 16);
    assert!(offset_of!(FrameView, start_position) == 12);
    assert!(size_of::<Place>() == 8);
};

unsafe extern "C" {
    pub fn hp_stack_take(isolate: *mut Isolate, depth: i32) -> *mut Stack;
    pub fn hp_stack_count(stack: *const Stack) -> i32;
    pub fn hp_frame_read(
        isolate: *mut Isolate,
        stack: *const Stack,
        index: u32,
        layout: *const FunctionLayout,
        view: *mut FrameView,
    );
    pub fn hp_frame_line(frame: *const Frame) -> i32;
    pub fn hp_frame_start(frame: *mut Frame, start_position: i32) -> Place;
    pub fn hp_frame_name(frame: *const Frame) -> *mut StringSlot;
    pub fn hp_frame_script_name(frame: *const Frame) -> *mut StringSlot;
    pub fn hp_isolate_allocator(isolate: *mut Isolate) -> *mut c_void;
}
