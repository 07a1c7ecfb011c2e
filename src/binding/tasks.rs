//! What runs on libuv's pool.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use napi::{Env, Result, Task};
use napi_derive::napi;

use super::bug;
use crate::file::{self, FileError, Target};
use crate::format::heapprofile;
use crate::profile::Profile;
use crate::v8::V8Profile;

/// V8 profiles that wait to be freed. While the pool is busy or the main thread never yields they
/// would pile up, so past this many the main thread frees its own.
const MAX_PENDING: usize = 2;
static PENDING: AtomicUsize = AtomicUsize::new(0);

/// Frees V8's profile.
struct Free(Option<V8Profile>);

impl Drop for Free {
    fn drop(&mut self) {
        PENDING.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Task for Free {
    type Output = ();
    type JsValue = ();

    fn compute(&mut self) -> Result<()> {
        self.0 = None;
        Ok(())
    }

    fn resolve(&mut self, _env: Env, (): ()) -> Result<()> {
        Ok(())
    }
}

/// Frees V8's profile on the pool, or here if that cannot be.
pub fn free(env: Env, original: V8Profile) {
    if PENDING.fetch_add(1, Ordering::Relaxed) < MAX_PENDING {
        // An error hands the task back to be dropped.
        let _ = env.spawn(Free(Some(original)));
    } else {
        drop(Free(Some(original)));
    }
}

/// Encodes a profile into a file.
pub struct Write {
    pub profile: Arc<Profile>,
    pub target: Target,
}

/// How a write ended. A failed one is no rejection: lib/errors.js makes Node's kind of error of it.
#[napi(object, object_from_js = false)]
#[derive(Default)]
pub struct WriteOutcome {
    /// The file that was written.
    pub path: Option<String>,
    /// What failed otherwise: `open`, `write`, `fsync` or `rename`.
    pub syscall: Option<String>,
    /// The system's error number, if it came from the system.
    pub errno: Option<i32>,
    pub message: Option<String>,
}

impl Task for Write {
    type Output = WriteOutcome;
    type JsValue = WriteOutcome;

    fn compute(&mut self) -> Result<WriteOutcome> {
        let write = || file::write(&self.target, |out| heapprofile::write(&self.profile, out));
        Ok(match catch_unwind(AssertUnwindSafe(write)) {
            Ok(Ok(path)) => WriteOutcome { path: Some(display(path)), ..Default::default() },
            Ok(Err(error)) => failure(error),
            Err(panic) => {
                WriteOutcome { message: Some(bug(&*panic).to_string()), ..Default::default() }
            }
        })
    }

    fn resolve(&mut self, _env: Env, outcome: WriteOutcome) -> Result<WriteOutcome> {
        Ok(outcome)
    }
}

fn failure(failed: FileError) -> WriteOutcome {
    WriteOutcome {
        path: Some(display(failed.path)),
        syscall: Some(failed.syscall.to_owned()),
        errno: failed.error.raw_os_error(),
        message: Some(failed.error.to_string()),
    }
}

fn display(path: PathBuf) -> String {
    path.to_string_lossy().into_owned()
}
