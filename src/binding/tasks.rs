//! What runs on libuv's pool.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use napi::bindgen_prelude::{Buffer, Either};
use napi::{Env, Result, Task};
use napi_derive::napi;
use serde::Serialize;

use super::bug;
use super::snapshot::NativeSnapshot;
use crate::file::{self, FileError, Target};
use crate::format::error::ReadError;
use crate::format::{self, Format};
use crate::profile::Profile;
use crate::source_map;
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

/// Why a task failed. It is no rejection: lib/errors.js makes Node's kind of error of it.
#[napi(object, object_from_js = false)]
#[derive(Default, Serialize)]
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

impl Failure {
    /// What should not happen.
    pub fn internal(error: &dyn std::error::Error) -> Failure {
        Failure::coded("ERR_INTERNAL", error.to_string())
    }

    /// A profile that is wrong, or not what was asked for.
    pub fn invalid_profile(message: String) -> Failure {
        Failure::coded("ERR_INVALID_PROFILE", message)
    }

    fn coded(code: &str, message: String) -> Failure {
        let code = Some(code.to_owned());
        Failure { failed: true, code, message, ..Failure::default() }
    }
}

impl From<FileError> for Failure {
    fn from(failed: FileError) -> Failure {
        Failure {
            failed: true,
            message: failed.error.to_string(),
            code: None,
            errno: failed.error.raw_os_error(),
            syscall: Some(failed.syscall.to_owned()),
            path: Some(display(failed.path)),
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Failure {
        Failure::invalid_profile(error.to_string())
    }
}

/// What becomes of a task: it never panics.
pub fn outcome<T>(work: impl FnOnce() -> std::result::Result<T, Failure>) -> Outcome<T> {
    let done = catch_unwind(AssertUnwindSafe(work));
    done.unwrap_or_else(|panic| {
        let bug = bug(&*panic);
        Err(Failure::coded(bug.code(), bug.to_string()))
    })
}

/// What a task comes to.
pub type Outcome<T> = std::result::Result<T, Failure>;

/// A result or a failure, as a JavaScript value.
pub fn settled<T, J>(
    outcome: Outcome<T>,
    value: impl FnOnce(T) -> Result<J>,
) -> Result<Either<J, Failure>> {
    match outcome {
        Ok(result) => value(result).map(Either::A),
        Err(failure) => Ok(Either::B(failure)),
    }
}

/// A profile as it is to be written.
pub struct Draft {
    pub profile: Arc<Profile>,
    /// With the original positions of its functions.
    pub source_maps: bool,
    /// Labels beside those it has.
    pub labels: HashMap<String, String>,
}

impl Draft {
    fn finish(&mut self) -> Cow<'_, Profile> {
        let mut profile = Cow::Borrowed(&*self.profile);
        if self.source_maps {
            map_sources(profile.to_mut());
        }
        if !self.labels.is_empty() {
            profile.to_mut().metadata.labels.extend(self.labels.drain());
        }
        profile
    }
}

/// Puts original names and positions into a profile, and what went wrong into its metadata.
fn map_sources(profile: &mut Profile) {
    let mapped = source_map::apply(&profile.strings, &profile.nodes);
    profile.strings = mapped.strings;
    profile.nodes = mapped.nodes;
    profile.metadata.warnings = mapped.warnings;
}

/// Encodes a profile into a file; the path of it.
pub struct Write {
    pub draft: Draft,
    pub target: Target,
    pub format: Format,
}

impl Task for Write {
    type Output = Outcome<PathBuf>;
    type JsValue = Either<String, Failure>;

    fn compute(&mut self) -> Result<Outcome<PathBuf>> {
        Ok(outcome(|| {
            let profile = self.draft.finish();
            let encode = |out: &mut BufWriter<&File>| self.format.write(&profile, out);
            file::write(&self.target, encode).map_err(Failure::from)
        }))
    }

    fn resolve(&mut self, _env: Env, outcome: Outcome<PathBuf>) -> Result<Either<String, Failure>> {
        settled(outcome, |path| Ok(display(path)))
    }
}

/// Encodes a profile into memory.
pub struct Encode {
    pub draft: Draft,
    pub format: Format,
}

impl Task for Encode {
    type Output = Outcome<Vec<u8>>;
    type JsValue = Either<Buffer, Failure>;

    fn compute(&mut self) -> Result<Outcome<Vec<u8>>> {
        let mut bytes = Vec::new();
        let encoded = outcome(|| {
            let written = self.format.write(&self.draft.finish(), &mut bytes);
            written.map_err(|error| Failure::internal(&error))
        });
        Ok(encoded.map(|()| bytes))
    }

    fn resolve(&mut self, _env: Env, outcome: Outcome<Vec<u8>>) -> Result<Either<Buffer, Failure>> {
        settled(outcome, |bytes| Ok(Buffer::from(bytes)))
    }
}

/// Where a profile is read from.
pub enum Source {
    File(PathBuf),
    Bytes(Vec<u8>),
}

/// Reads a profile.
pub struct Read {
    pub source: Source,
    /// With the original positions of its functions.
    pub source_maps: bool,
}

impl Task for Read {
    type Output = Outcome<Profile>;
    type JsValue = Either<NativeSnapshot, Failure>;

    fn compute(&mut self) -> Result<Outcome<Profile>> {
        Ok(outcome(|| {
            let mut profile = match &self.source {
                Source::File(path) => read_file(path)?,
                Source::Bytes(bytes) => format::read(bytes.as_slice())?,
            };
            if self.source_maps {
                map_sources(&mut profile);
            }
            Ok(profile)
        }))
    }

    fn resolve(
        &mut self,
        env: Env,
        outcome: Outcome<Profile>,
    ) -> Result<Either<NativeSnapshot, Failure>> {
        settled(outcome, |profile| NativeSnapshot::hold(env, profile, None))
    }
}

/// The profile in a file.
pub fn read_file(path: &Path) -> Outcome<Profile> {
    let file = File::open(path).map_err(file::failed("open", path))?;
    let read = format::read(BufReader::with_capacity(file::BUFFER_BYTES, file));
    read.map_err(|error| match error {
        ReadError::Io(error) => file::failed("read", path)(error).into(),
        invalid => Failure::invalid_profile(format!("{}: {invalid}", path.display())),
    })
}

/// A path as JavaScript has it.
pub fn display(path: PathBuf) -> String {
    path.to_string_lossy().into_owned()
}
