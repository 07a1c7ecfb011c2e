//! The isolate of the calling thread.

use std::ptr::NonNull;

use super::ffi::{self, Isolate};
use heap_profile_core::error::{Error, Result};

/// The one that is entered, as it is in every call from JavaScript.
pub fn current() -> Result<NonNull<Isolate>> {
    // SAFETY: v8::Isolate::TryGetCurrent may be called on any thread.
    let isolate = unsafe { ffi::hp_isolate_get_current() };
    NonNull::new(isolate).ok_or_else(|| Error::Internal("no isolate on this thread".into()))
}
