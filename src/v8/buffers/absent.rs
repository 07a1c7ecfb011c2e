//! What stands for Buffers by function where Node's allocator was never looked into: other systems than Linux.

use std::ptr::NonNull;

use heap_profile_core::profile::buffers;
use heap_profile_core::profile::metadata::Options;
use napi::Env;

use super::ffi::Isolate;

/// There are none.
pub enum Buffers {}

impl Buffers {
    pub fn start(_: Env, _: NonNull<Isolate>, _: Options) -> Result<Buffers, &'static str> {
        Err("it works on Linux only")
    }

    pub fn sampled(&self) -> Option<buffers::Buffers> {
        match *self {}
    }
}
