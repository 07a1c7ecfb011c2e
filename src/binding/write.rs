//! Encodes profiles, into files and into memory.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::time::Duration;

use heap_profile_core::error::{self, Error};
use heap_profile_core::file::{self, Keep, Name, Target};
use heap_profile_core::format::Format;
use heap_profile_core::format::bounded::bounded;
use heap_profile_core::format::draft::Draft;
use heap_profile_core::profile::Memory;
use napi::bindgen_prelude::{AsyncTask, Buffer};
use napi::{Either, Env, Task};
use napi_derive::napi;

use super::names::{JsFormat, JsMemory};
use super::outcome::{Failure, MAX_BUFFER_BYTES, buffer_of, caught, settled};
use super::snapshot::NativeSnapshot;

/// What a file has that the capture has not; lib/options.js checked it.
#[napi(object, object_to_js = false)]
pub struct JsChanges {
    pub memory: Option<JsMemory>,
    pub source_maps: Option<bool>,
    pub labels: Option<HashMap<String, String>>,
}

/// Where a file gets a name that nobody has.
#[napi(object, object_to_js = false)]
pub struct JsPlace {
    pub directory: String,
    /// Milliseconds since 1970, for the name.
    pub millis: f64,
    /// Of a monitor's file.
    pub series: Option<JsSeries>,
}

/// What the files of a monitor have together.
#[napi(object, object_to_js = false)]
pub struct JsSeries {
    /// Host, process id and thread id, with dashes between them.
    pub writer: String,
    /// This file's.
    pub number: f64,
    pub keep: JsKeep,
}

/// What stays of the files of monitors in the directory; all where nothing is said.
#[napi(object, object_to_js = false)]
pub struct JsKeep {
    pub files: Option<f64>,
    pub bytes: Option<f64>,
    pub age_ms: Option<f64>,
}

impl JsKeep {
    pub(super) fn bounds(&self) -> Keep {
        Keep {
            files: self.files.map(|count| count as usize),
            bytes: self.bytes.map(|count| count as u64),
            age: self.age_ms.map(|millis| Duration::from_millis(millis as u64)),
        }
    }
}

impl JsPlace {
    pub(super) fn target(self, format: Format) -> Target {
        let millis = self.millis as u64;
        let (name, keep) = match self.series {
            None => (Name::Millis(millis), Keep::default()),
            Some(JsSeries { writer, number, keep }) => {
                (Name::Sequence { writer, millis, number: number as u64 }, keep.bounds())
            }
        };
        Target::Directory {
            directory: self.directory.into(),
            name,
            extension: format.extension(),
            keep,
        }
    }
}

/// Why a file could not be written there now; nothing if it could.
#[napi(ts_return_type = "Failure | null")]
pub fn check_destination(path: String) -> Option<Failure> {
    caught(|| file::check(path.as_ref()).map_err(Error::from)).err().map(Failure::from)
}

/// Encodes a profile into a file; the path of it.
pub struct Write {
    draft: Draft,
    target: Target,
    format: Format,
}

impl Task for Write {
    type Output = error::Result<PathBuf>;
    type JsValue = Either<String, Failure>;

    fn compute(&mut self) -> napi::Result<error::Result<PathBuf>> {
        Ok(caught(|| {
            let profile = self.draft.finish();
            let encode = |out: &mut BufWriter<&File>| self.format.write(&profile, out);
            file::write(&self.target, encode).map_err(Error::from)
        }))
    }

    fn resolve(&mut self, _env: Env, path: error::Result<PathBuf>) -> napi::Result<Self::JsValue> {
        settled(path, |path| Ok(path.to_string_lossy().into_owned()))
    }
}

/// Encodes a profile into memory.
pub struct Encode {
    draft: Draft,
    format: Format,
}

impl Task for Encode {
    type Output = error::Result<Vec<u8>>;
    type JsValue = Either<Buffer, Failure>;

    fn compute(&mut self) -> napi::Result<error::Result<Vec<u8>>> {
        Ok(caught(|| {
            let profile = self.draft.finish();
            bounded(MAX_BUFFER_BYTES, |out| self.format.write(&profile, out))
        }))
    }

    fn resolve(&mut self, env: Env, bytes: error::Result<Vec<u8>>) -> napi::Result<Self::JsValue> {
        settled(bytes, |bytes| buffer_of(env, bytes))
    }
}

#[napi]
impl NativeSnapshot {
    #[napi(ts_return_type = "Promise<string | Failure>")]
    pub fn write_to(
        &self,
        path: String,
        format: Option<JsFormat>,
        changes: JsChanges,
    ) -> AsyncTask<Write> {
        let path = PathBuf::from(path);
        let format = format.map_or_else(|| Format::of_path(&path), Format::from);
        let (draft, target) = (self.draft(changes), Target::Path(path));
        AsyncTask::new(Write { draft, target, format })
    }

    #[napi(ts_return_type = "Promise<string | Failure>")]
    pub fn write_into(
        &self,
        place: JsPlace,
        format: Option<JsFormat>,
        changes: JsChanges,
    ) -> AsyncTask<Write> {
        AsyncTask::new(self.write_new(place, format, changes))
    }

    /// For the end of a thread, after which nothing asynchronous would complete.
    #[napi]
    pub fn write_into_sync(
        &self,
        env: Env,
        place: JsPlace,
        format: Option<JsFormat>,
        changes: JsChanges,
    ) -> napi::Result<Either<String, Failure>> {
        let mut task = self.write_new(place, format, changes);
        let outcome = task.compute()?;
        task.resolve(env, outcome)
    }

    #[napi(ts_return_type = "Promise<Buffer | Failure>")]
    pub fn encode(&self, format: JsFormat, changes: JsChanges) -> AsyncTask<Encode> {
        let (draft, format) = (self.draft(changes), format.into());
        AsyncTask::new(Encode { draft, format })
    }
}

impl NativeSnapshot {
    /// Into a directory, under a name that nobody has.
    fn write_new(&self, place: JsPlace, format: Option<JsFormat>, changes: JsChanges) -> Write {
        let format = format.map_or(Format::HeapProfile, Format::from);
        let target = place.target(format);
        Write { draft: self.draft(changes), target, format }
    }

    pub(super) fn draft(&self, changes: JsChanges) -> Draft {
        Draft {
            profile: self.profile(),
            memory: changes.memory.map_or(Memory::Both, Memory::from),
            source_maps: changes.source_maps.unwrap_or(false),
            labels: changes.labels.unwrap_or_default(),
        }
    }
}
