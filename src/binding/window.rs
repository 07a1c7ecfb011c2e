//! Encodes what changed between two captures, and captures for those who take no more than so many samples.

use heap_profile_core::error;
use heap_profile_core::format::bounded::bounded;
use heap_profile_core::format::draft::Draft;
use heap_profile_core::format::pprof::{Difference, Folded, Limit, Window, write_window};
use napi::bindgen_prelude::{AsyncTask, Buffer};
use napi::{Either, Env, Task};
use napi_derive::napi;

use super::outcome::{Failure, MAX_BUFFER_BYTES, buffer_of, caught, settled};
use super::snapshot::NativeSnapshot;
use super::write::JsChanges;

/// What is wanted of a capture.
#[napi(object, object_to_js = false)]
pub struct JsWindow {
    /// Whether the base is subtracted from what is live, too, and not only from what was allocated.
    pub is_whole: bool,
    pub leads_with_allocated: bool,
    /// No limits without.
    pub max_samples: Option<u32>,
    pub max_bytes: Option<u32>,
}

/// A gzipped pprof profile.
#[napi(object, object_from_js = false)]
pub struct JsWindowed {
    pub bytes: Buffer,
    /// Stacks that became one sample, and the bytes that they hold.
    pub folded_samples: f64,
    pub folded_bytes: f64,
}

/// Encodes a window.
pub struct EncodeWindow {
    draft: Draft,
    base: Option<Draft>,
    window: JsWindow,
}

impl Task for EncodeWindow {
    type Output = error::Result<(Vec<u8>, Folded)>;
    type JsValue = Either<JsWindowed, Failure>;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok(caught(|| self.encode()))
    }

    fn resolve(&mut self, env: Env, output: Self::Output) -> napi::Result<Self::JsValue> {
        settled(output, |(bytes, Folded { samples, bytes: folded_bytes })| {
            Ok(JsWindowed {
                bytes: buffer_of(env, bytes)?,
                folded_samples: samples as f64,
                folded_bytes: folded_bytes as f64,
            })
        })
    }
}

impl EncodeWindow {
    fn encode(&self) -> error::Result<(Vec<u8>, Folded)> {
        let profile = self.draft.finish();
        let base = self.base.as_ref().map(Draft::finish);
        let JsWindow { is_whole, leads_with_allocated, max_samples, max_bytes } = self.window;
        let difference = if is_whole { Difference::All } else { Difference::Allocated };
        let bound = |max: Option<u32>| max.map_or(u32::MAX as usize, |max| max as usize);
        let is_limited = max_samples.is_some() || max_bytes.is_some();
        let limit = Limit { samples: bound(max_samples), bytes: bound(max_bytes) };
        let window = Window {
            since: base.as_ref().map(|base| (base, difference)),
            limit: is_limited.then_some(limit),
            leads_with_allocated,
        };
        let mut folded = Folded::default();
        let bytes = bounded(MAX_BUFFER_BYTES, |out| {
            folded = write_window(&profile, &window, out)?;
            Ok(())
        })?;
        Ok((bytes, folded))
    }
}

#[napi]
impl NativeSnapshot {
    /// As pprof, what changed since a base if there is one.
    #[napi(ts_return_type = "Promise<JsWindowed | Failure>")]
    pub fn encode_window(
        &self,
        base: Option<&NativeSnapshot>,
        window: JsWindow,
        changes: JsChanges,
    ) -> AsyncTask<EncodeWindow> {
        let changes_of_base = JsChanges { labels: None, source_maps: changes.source_maps };
        let base = base.map(|base| base.draft(changes_of_base));
        let draft = self.draft(changes);
        AsyncTask::new(EncodeWindow { draft, base, window })
    }
}
