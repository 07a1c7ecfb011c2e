//! Flame graph pages of snapshots.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

use napi::bindgen_prelude::{AsyncTask, Buffer, ClassInstance};
use napi::{Either, Env, Task};
use napi_derive::napi;
use serde::Serialize;

use super::outcome::{Failure, MAX_BUFFER_BYTES, buffer_of, caught, settled};
use super::snapshot::NativeSnapshot;
use super::write::JsChanges;
use heap_profile_core::analysis::flamegraph::{FlameGraph, flamegraph};
use heap_profile_core::error::{self, Error};
use heap_profile_core::file::{self, Target};
use heap_profile_core::format::bounded::bounded;
use heap_profile_core::format::draft::Draft;
use heap_profile_core::format::html;
use heap_profile_core::profile::Profile;

/// A page before its data is in it.
pub struct Page {
    draft: Draft,
    base: Option<Arc<Profile>>,
    /// Where scripts/build.mjs put it.
    template: PathBuf,
    title: String,
}

/// The data in it.
#[derive(Serialize)]
struct PageData<'a> {
    title: &'a str,
    #[serde(flatten)]
    graph: FlameGraph,
}

impl Page {
    fn template(&self) -> error::Result<String> {
        let read = fs::read_to_string(&self.template);
        Ok(read.map_err(file::failed("open", &self.template))?)
    }

    fn write(&self, template: &str, out: &mut impl Write) -> io::Result<()> {
        let base = self.base.as_ref().map(|base| base.only(self.draft.memory));
        let graph = flamegraph(&self.draft.finish(), base.as_ref());
        html::write(template, &PageData { title: &self.title, graph }, out)
    }
}

/// Writes a page into a file; the path of it.
pub struct WritePage {
    page: Page,
    target: Target,
}

impl Task for WritePage {
    type Output = error::Result<PathBuf>;
    type JsValue = Either<String, Failure>;

    fn compute(&mut self) -> napi::Result<error::Result<PathBuf>> {
        Ok(caught(|| {
            let template = self.page.template()?;
            let encode = |out: &mut BufWriter<&File>| self.page.write(&template, out);
            file::write(&self.target, encode).map_err(Error::from)
        }))
    }

    fn resolve(
        &mut self,
        _env: Env,
        outcome: error::Result<PathBuf>,
    ) -> napi::Result<Self::JsValue> {
        settled(outcome, |path| Ok(path.to_string_lossy().into_owned()))
    }
}

/// Writes a page into memory.
pub struct EncodePage(Page);

impl Task for EncodePage {
    type Output = error::Result<Vec<u8>>;
    type JsValue = Either<Buffer, Failure>;

    fn compute(&mut self) -> napi::Result<error::Result<Vec<u8>>> {
        Ok(caught(|| {
            let template = self.0.template()?;
            bounded(MAX_BUFFER_BYTES, |out| self.0.write(&template, out))
        }))
    }

    fn resolve(
        &mut self,
        env: Env,
        outcome: error::Result<Vec<u8>>,
    ) -> napi::Result<Self::JsValue> {
        settled(outcome, |bytes| buffer_of(env, bytes))
    }
}

type Base<'a> = Option<ClassInstance<'a, NativeSnapshot>>;

#[napi]
impl NativeSnapshot {
    #[napi(ts_return_type = "Promise<string | Failure>")]
    pub fn write_flamegraph(
        &self,
        path: String,
        template: String,
        title: String,
        #[napi(ts_arg_type = "NativeSnapshot | undefined")] base: Base,
        changes: JsChanges,
    ) -> AsyncTask<WritePage> {
        let target = Target::Path(path.into());
        AsyncTask::new(WritePage { page: self.page(template, title, base, changes), target })
    }

    #[napi(ts_return_type = "Promise<Buffer | Failure>")]
    pub fn encode_flamegraph(
        &self,
        template: String,
        title: String,
        #[napi(ts_arg_type = "NativeSnapshot | undefined")] base: Base,
        changes: JsChanges,
    ) -> AsyncTask<EncodePage> {
        AsyncTask::new(EncodePage(self.page(template, title, base, changes)))
    }
}

impl NativeSnapshot {
    fn page(&self, template: String, title: String, base: Base, changes: JsChanges) -> Page {
        let base = base.map(|base| base.profile());
        Page { draft: self.draft(changes), base, template: template.into(), title }
    }
}
