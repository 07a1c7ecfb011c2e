//! What becomes of work that JavaScript asked for: a value, or an error with a code. Nothing panics
//! out of here.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use heap_profile_core::error::{self, Error};
use napi::bindgen_prelude::{Buffer, BufferSlice};
use napi::{Either, Env};
use napi_derive::napi;

/// The `code` property of an error.
pub struct Code(&'static str);

impl AsRef<str> for Code {
    fn as_ref(&self) -> &str {
        self.0
    }
}

/// What a call comes to: errors are thrown.
pub type Result<T> = napi::Result<T, Code>;

/// Runs what is called; errors and panics become JavaScript errors with a code.
pub fn guard<T>(work: impl FnOnce() -> error::Result<T>) -> Result<T> {
    caught(work).map_err(|error| {
        let code = error.code().unwrap_or("ERR_INTERNAL");
        napi::Error::new(Code(code), error.to_string())
    })
}

/// What Node-API refuses to do.
pub fn refused(error: napi::Error) -> Error {
    Error::internal(error)
}

/// Why a task failed. It is no rejection: lib/errors.js makes Node's kind of error of it.
#[napi(object, object_from_js = false)]
pub struct Failure {
    /// Always true; tells a failure from a result.
    pub failed: bool,
    pub message: String,
    /// One of ours; none for errors of the system.
    pub code: Option<String>,
    /// The system's error number, if it came from the system.
    pub errno: Option<i32>,
    /// What failed: `open`, `read`, `write`, `fsync` or `rename`.
    pub syscall: Option<String>,
    /// The file that it failed for.
    pub path: Option<String>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let error::Failure { message, code, errno, syscall, path } = (&error).into();
        Failure {
            failed: true,
            message,
            code: code.map(str::to_owned),
            errno,
            syscall: syscall.map(str::to_owned),
            path,
        }
    }
}

/// What a task on the pool comes to.
pub fn caught<T>(work: impl FnOnce() -> error::Result<T>) -> error::Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(bug(&*panic)))
}

/// A result or a failure, as a JavaScript value.
pub fn settled<T, J>(
    outcome: error::Result<T>,
    value: impl FnOnce(T) -> napi::Result<J>,
) -> napi::Result<Either<J, Failure>> {
    match outcome {
        Ok(result) => value(result).map(Either::A),
        Err(error) => Ok(Either::B(error.into())),
    }
}

/// No Buffer of Node.js 18 and 20 is larger (`buffer.constants.MAX_LENGTH`), and none should be.
pub const MAX_BUFFER_BYTES: usize = u32::MAX as usize;

/// Hands bytes to JavaScript. Node-API takes hold of them before it finds that the thread is ending, and
/// then never lets go: so ask with a buffer of nothing first.
pub fn buffer_of(env: Env, bytes: Vec<u8>) -> napi::Result<Buffer> {
    BufferSlice::from_data(&env, Vec::new())?;
    Ok(Buffer::from(bytes))
}

/// The error that stands for a panic.
fn bug(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    Error::Internal(format!("a bug in heap-profile: {}", text.unwrap_or_default()))
}
