//! Has something done from the event loop, asked for where nothing may be done: in the middle of an
//! allocation. It does not keep the process alive.

use std::cell::Cell;
use std::ffi::c_void;
use std::{mem, panic, ptr};

use heap_profile_core::error::Result;
use napi::{Env, sys};

use super::Turn;
use crate::v8::node_api::check;

/// One call at a time waits.
const QUEUE: usize = 1;
const NAME: &str = "heap-profile";

/// A function of this thread's event loop.
pub struct Wake(Cell<sys::napi_threadsafe_function>);

impl Wake {
    /// It will call `turn`.
    pub fn new(env: Env, turn: Turn) -> Result<Wake> {
        let (mut name, mut function) = (ptr::null_mut(), ptr::null_mut());
        let (text, length) = (NAME.as_ptr().cast(), NAME.len() as isize);
        // SAFETY: the environment is the one that called us, and so many bytes are there.
        let status = unsafe { sys::napi_create_string_utf8(env.raw(), text, length, &mut name) };
        check("napi_create_string_utf8", status)?;
        let none = ptr::null_mut();
        let context = turn as *mut c_void;
        // SAFETY: as above; there is no function of JavaScript, and the context is read by `call` only.
        let status = unsafe {
            sys::napi_create_threadsafe_function(
                env.raw(),
                none,
                none,
                name,
                QUEUE,
                1,
                ptr::null_mut(),
                None,
                context,
                Some(call),
                &mut function,
            )
        };
        check("napi_create_threadsafe_function", status)?;
        let wake = Wake(Cell::new(function));
        // SAFETY: it has just been made in this environment.
        let status = unsafe { sys::napi_unref_threadsafe_function(env.raw(), function) };
        check("napi_unref_threadsafe_function", status)?;
        Ok(wake)
    }

    /// Has it called soon. Allocates nothing in V8's heap.
    pub fn ask(&self) {
        let function = self.0.get();
        if function.is_null() {
            return;
        }
        let how = sys::ThreadsafeFunctionCallMode::nonblocking;
        // SAFETY: it was not released, and the environment has not told us yet that it ends.
        let status = unsafe { sys::napi_call_threadsafe_function(function, ptr::null_mut(), how) };
        // After these it is not ours any more.
        if status == sys::Status::napi_closing || status == sys::Status::napi_invalid_arg {
            self.0.set(ptr::null_mut());
        }
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        let function = self.0.get();
        if !function.is_null() {
            let how = sys::ThreadsafeFunctionReleaseMode::abort;
            // SAFETY: it was not released; while the environment ends Node.js keeps what it has of it until
            // all of its clean-up hooks have run. There is nobody to tell of a failure.
            let _ = unsafe { sys::napi_release_threadsafe_function(function, how) };
        }
    }
}

/// On the event loop, or with no environment when that ends.
unsafe extern "C" fn call(
    env: sys::napi_env,
    _function: sys::napi_value,
    context: *mut c_void,
    _data: *mut c_void,
) {
    if env.is_null() {
        return;
    }
    // SAFETY: the context is the Turn that `new` was given.
    let turn = unsafe { mem::transmute::<*mut c_void, Turn>(context) };
    let _ = panic::catch_unwind(|| turn(Env::from_raw(env)));
}
