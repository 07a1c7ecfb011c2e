//! Reads profiles, from files and from memory.

use std::path::PathBuf;

use heap_profile_core::error;
use heap_profile_core::format::{self, progress};
use heap_profile_core::profile::Profile;
use heap_profile_core::source_map;
use napi::bindgen_prelude::{AsyncTask, Uint8ArraySlice};
use napi::{Either, Env, Task};
use napi_derive::napi;

use super::outcome::{Failure, caught, settled};
use super::snapshot::NativeSnapshot;

/// Where a profile is read from.
enum Source {
    File(PathBuf),
    Bytes(Vec<u8>),
}

/// Reads a profile.
pub struct Read {
    source: Source,
    /// With the original positions of its functions.
    source_maps: bool,
}

impl Task for Read {
    type Output = error::Result<Profile>;
    type JsValue = Either<NativeSnapshot, Failure>;

    fn compute(&mut self) -> napi::Result<error::Result<Profile>> {
        Ok(caught(|| {
            let profile = match &self.source {
                Source::File(path) => format::read_file(path)?,
                Source::Bytes(bytes) => format::read(bytes.as_slice())?,
            };
            Ok(if self.source_maps { source_map::map(&profile) } else { profile })
        }))
    }

    fn resolve(
        &mut self,
        env: Env,
        profile: error::Result<Profile>,
    ) -> napi::Result<Self::JsValue> {
        settled(profile, |profile| NativeSnapshot::hold(env, profile, None))
    }
}

#[napi(ts_return_type = "Promise<NativeSnapshot | Failure>")]
pub fn read(path: String, source_maps: bool) -> AsyncTask<Read> {
    AsyncTask::new(Read { source: Source::File(path.into()), source_maps })
}

/// Copies the bytes first: JavaScript may change them while they are read.
#[napi(ts_return_type = "Promise<NativeSnapshot | Failure>")]
pub fn parse(bytes: Uint8ArraySlice, source_maps: bool) -> AsyncTask<Read> {
    AsyncTask::new(Read { source: Source::Bytes(bytes.to_vec()), source_maps })
}

/// What `read`, `parse` and `LeakHunt` have read since the process started.
#[napi]
pub fn bytes_read() -> f64 {
    progress::bytes_read() as f64
}
