//! The Node-API calls that V8's objects need: scopes for their handles, and their strings. V8's own are
//! not exported by every Node.

use std::ptr;

use heap_profile_core::error::{Error, Result};
use heap_profile_core::profile::Text;
use napi::{Env, sys};

use super::ffi::StringSlot;

/// As UTF-16, as UTF-8 would lose lone surrogates. `buffer` is scratch space, not empty.
pub fn read_string(env: Env, slot: *mut StringSlot, buffer: &mut Vec<u16>) -> Result<Text> {
    if slot.is_null() {
        return Ok(Text::from(""));
    }
    loop {
        let (data, room, mut length) = (buffer.as_mut_ptr(), buffer.len(), 0);
        // SAFETY: a v8::Local's slot is a napi_value, the handle scope it was made in is open, and
        // the buffer has the room that is passed along.
        let status = unsafe {
            sys::napi_get_value_string_utf16(env.raw(), slot.cast(), data, room, &mut length)
        };
        check("napi_get_value_string_utf16", status)?;
        // Node-API cuts what does not fit, and ends the string with a NUL.
        if length + 1 < room {
            return Ok(Text::from_utf16(&buffer[..length]));
        }
        buffer.resize(2 * room, 0);
    }
}

/// The same, cut where the buffer ends, which is not empty: it takes no memory but for the text.
pub fn read_start(env: Env, slot: *mut StringSlot, buffer: &mut [u16]) -> Result<Text> {
    if slot.is_null() {
        return Ok(Text::from(""));
    }
    let (data, room, mut length) = (buffer.as_mut_ptr(), buffer.len(), 0);
    // SAFETY: as in read_string.
    let status = unsafe {
        sys::napi_get_value_string_utf16(env.raw(), slot.cast(), data, room, &mut length)
    };
    check("napi_get_value_string_utf16", status)?;
    Ok(Text::from_utf16(&buffer[..length]))
}

/// A Node-API handle scope: V8's own is not exported by every Node.
pub struct HandleScope {
    env: Env,
    scope: sys::napi_handle_scope,
}

impl HandleScope {
    pub fn open(env: Env) -> Result<HandleScope> {
        let mut scope = ptr::null_mut();
        // SAFETY: the environment is the one that called us on this thread.
        let status = unsafe { sys::napi_open_handle_scope(env.raw(), &mut scope) };
        check("napi_open_handle_scope", status)?;
        Ok(HandleScope { env, scope })
    }
}

impl Drop for HandleScope {
    fn drop(&mut self) {
        // SAFETY: it was opened in this environment and scopes close in reverse order, as Rust
        // drops. There is nobody to tell of a failure.
        let _ = unsafe { sys::napi_close_handle_scope(self.env.raw(), self.scope) };
    }
}

/// Node-API's status as a result.
pub fn check(call: &'static str, status: sys::napi_status) -> Result<()> {
    if status == sys::Status::napi_ok {
        return Ok(());
    }
    Err(Error::Internal(format!("{call} failed with status {status}")))
}
