//! A capture as JavaScript holds it: numbers, flat arrays to build trees from, and files.

use std::path::PathBuf;
use std::sync::Arc;

use napi::bindgen_prelude::{AsyncTask, Float64ArraySlice, Int32ArraySlice, ObjectFinalize};
use napi::{Env, JsString};
use napi_derive::napi;

use super::{Result, guard, tasks};
use crate::error;
use crate::file::Target;
use crate::profile::metadata::Host;
use crate::profile::{Node, Profile, Text};
use crate::v8;

#[napi(custom_finalize)]
pub struct NativeSnapshot {
    profile: Arc<Profile>,
    v8_ms: f64,
    copy_ms: f64,
    /// What V8 was told that this object holds outside its heap.
    external_bytes: i64,
}

impl NativeSnapshot {
    /// Captures, and has V8's own profile freed.
    pub fn take(env: Env, host: Host) -> error::Result<NativeSnapshot> {
        let capture = v8::capture(env.raw(), host)?;
        tasks::free(env, capture.original);
        let profile = Arc::new(capture.profile);
        let external_bytes = profile.heap_bytes() as i64;
        // So that V8 collects snapshots that nobody holds, before they add up.
        env.adjust_external_memory(external_bytes)?;
        let (v8_ms, copy_ms) = (capture.v8_ms, capture.copy_ms);
        Ok(NativeSnapshot { profile, v8_ms, copy_ms, external_bytes })
    }
}

impl ObjectFinalize for NativeSnapshot {
    fn finalize(self, env: Env) -> napi::Result<()> {
        env.adjust_external_memory(-self.external_bytes).map(drop)
    }
}

#[napi]
impl NativeSnapshot {
    #[napi(getter)]
    pub fn node_count(&self) -> u32 {
        self.profile.nodes.len() as u32
    }

    #[napi(getter)]
    pub fn sample_count(&self) -> Result<u32> {
        guard(|| Ok(self.profile.totals().by_age.len() as u32))
    }

    #[napi(getter)]
    pub fn live_bytes(&self) -> Result<Option<f64>> {
        guard(|| Ok(self.profile.totals().live_bytes))
    }

    /// Milliseconds since 1970.
    #[napi(getter)]
    pub fn taken_at(&self) -> Option<f64> {
        self.profile.metadata.taken_at.map(|time| time.timestamp_millis() as f64)
    }

    #[napi(getter)]
    pub fn sample_interval_bytes(&self) -> Option<u32> {
        self.profile.interval()
    }

    #[napi(getter)]
    pub fn v8_ms(&self) -> f64 {
        self.v8_ms
    }

    #[napi(getter)]
    pub fn copy_ms(&self) -> f64 {
        self.copy_ms
    }

    /// Each string once; nodes refer to them by index.
    #[napi]
    pub fn strings<'env>(&self, env: &'env Env) -> Result<Vec<JsString<'env>>> {
        let strings = self.profile.strings.iter().map(|text| match text {
            Text::Utf8(text) => env.create_string(text),
            Text::Utf16(units) => env.create_string_utf16(units),
        });
        guard(|| Ok(strings.collect::<napi::Result<_>>()?))
    }

    /// Nodes in pre-order: number of children, name, script name, script id, start position, line, column, id,
    /// number of allocations; lib/tree.js knows the order.
    #[napi]
    pub fn nodes<'env>(&self, env: &'env Env) -> Result<Int32ArraySlice<'env>> {
        guard(|| {
            let mut start = 0;
            let nodes = self.profile.nodes.iter().zip(self.profile.child_counts());
            let fields = nodes.map(|(node, children)| {
                let allocations = node.allocations_end - start;
                start = node.allocations_end;
                fields_of(node, children, allocations)
            });
            let fields: Vec<_> = fields.collect();
            Ok(Int32ArraySlice::copy_from(env, fields.as_flattened())?)
        })
    }

    /// Size and count of each allocation, in the order of the nodes.
    #[napi]
    pub fn allocations<'env>(&self, env: &'env Env) -> Result<Float64ArraySlice<'env>> {
        let allocations = self.profile.allocations.iter();
        doubles(env, allocations.map(|of| [of.size as f64, f64::from(of.count)]))
    }

    /// The estimated bytes of each node.
    #[napi]
    pub fn self_sizes<'env>(&self, env: &'env Env) -> Result<Float64ArraySlice<'env>> {
        guard(|| Ok(Float64ArraySlice::copy_from(env, &self.profile.totals().self_sizes)?))
    }

    /// Estimated bytes, node id and ordinal of each sample, oldest first.
    #[napi]
    pub fn samples<'env>(&self, env: &'env Env) -> Result<Float64ArraySlice<'env>> {
        let samples = self.profile.samples_by_age();
        doubles(
            env,
            samples.map(|of| [self.profile.bytes_of(of), f64::from(of.node_id), of.ordinal as f64]),
        )
    }

    #[napi]
    pub fn write_to(&self, path: String) -> AsyncTask<tasks::Write> {
        self.write(Target::Path(path.into()))
    }

    #[napi]
    pub fn write_into(&self, directory: String, millis: f64) -> AsyncTask<tasks::Write> {
        let directory = PathBuf::from(directory);
        self.write(Target::Directory { directory, millis: millis as u64 })
    }
}

impl NativeSnapshot {
    fn write(&self, target: Target) -> AsyncTask<tasks::Write> {
        AsyncTask::new(tasks::Write { profile: self.profile.clone(), target })
    }
}

fn doubles<'env, const N: usize>(
    env: &'env Env,
    rows: impl Iterator<Item = [f64; N]>,
) -> Result<Float64ArraySlice<'env>> {
    guard(|| {
        let rows: Vec<_> = rows.collect();
        Ok(Float64ArraySlice::copy_from(env, rows.as_flattened())?)
    })
}

fn fields_of(node: &Node, children: u32, allocations: u32) -> [i32; 9] {
    [
        children as i32,
        node.name as i32,
        node.script_name as i32,
        node.script_id,
        node.start_position,
        node.line_number,
        node.column_number,
        node.id as i32,
        allocations as i32,
    ]
}
