//! A capture as JavaScript holds it: numbers, flat arrays to build trees from, and files.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use heap_profile_core::error;
use heap_profile_core::profile::estimate::Total;
use heap_profile_core::profile::metadata::{Host, Warning};
use heap_profile_core::profile::{Estimate, Node, Parts, Profile, Text};
use napi::bindgen_prelude::{Float64ArraySlice, Int32ArraySlice, ObjectFinalize};
use napi::{Env, JsString};
use napi_derive::napi;

use super::free::free;
use super::host::JsMemoryUsage;
use super::names::JsInclude;
use super::outcome::{Result, guard, refused};
use crate::v8;

#[napi(custom_finalize)]
pub struct NativeSnapshot {
    /// Empty once it is disposed.
    profile: RefCell<Arc<Profile>>,
    timings: Option<Timings>,
    /// What V8 was told that this object holds outside its heap.
    external_bytes: Cell<i64>,
}

/// What a capture cost the thread.
#[napi(object, object_from_js = false)]
#[derive(Clone, Copy)]
pub struct Timings {
    pub v8_ms: f64,
    pub copy_ms: f64,
}

/// A total with its 95 % interval.
#[napi(object, object_from_js = false)]
pub struct JsTotal {
    pub estimate: f64,
    pub standard_error: f64,
    pub low: f64,
    pub high: f64,
}

#[napi(object, object_from_js = false)]
pub struct JsWarning {
    pub url: String,
    pub message: String,
    pub count: u32,
}

#[napi(object, object_from_js = false)]
pub struct JsEstimate {
    pub sample_count: f64,
    pub bytes: JsTotal,
    pub objects: JsTotal,
}

impl NativeSnapshot {
    /// Captures, and has V8's own profile freed.
    pub fn take(env: Env, host: Host) -> error::Result<NativeSnapshot> {
        let capture = v8::capture(env, host)?;
        free(env, capture.original);
        let timings = Timings { v8_ms: capture.v8_ms, copy_ms: capture.copy_ms };
        NativeSnapshot::hold(env, capture.profile, Some(timings)).map_err(refused)
    }

    /// Has JavaScript hold a profile.
    pub fn hold(
        env: Env,
        profile: Profile,
        timings: Option<Timings>,
    ) -> napi::Result<NativeSnapshot> {
        let external_bytes = profile.heap_bytes() as i64;
        // So that V8 collects snapshots that nobody holds, before they add up.
        env.adjust_external_memory(external_bytes)?;
        Ok(NativeSnapshot {
            profile: RefCell::new(Arc::new(profile)),
            timings,
            external_bytes: Cell::new(external_bytes),
        })
    }

    /// For those who ask something of it, to hold until they are done.
    pub(super) fn profile(&self) -> Arc<Profile> {
        self.profile.borrow().clone()
    }

    /// Takes back what V8 was told that this object holds.
    fn give_back(&self, env: Env) -> napi::Result<()> {
        env.adjust_external_memory(-self.external_bytes.take()).map(drop)
    }
}

impl ObjectFinalize for NativeSnapshot {
    fn finalize(self, env: Env) -> napi::Result<()> {
        self.give_back(env)
    }
}

#[napi]
impl NativeSnapshot {
    #[napi(getter)]
    pub fn node_count(&self) -> u32 {
        self.profile().nodes.len() as u32
    }

    #[napi(getter)]
    pub fn sample_count(&self) -> Result<u32> {
        guard(|| Ok(self.profile().totals().by_age.len() as u32))
    }

    #[napi(getter)]
    pub fn live_bytes(&self) -> Result<Option<f64>> {
        guard(|| Ok(self.profile().totals().live_bytes))
    }

    /// Milliseconds since 1970.
    #[napi(getter)]
    pub fn taken_at(&self) -> Option<f64> {
        self.profile().metadata.taken_at.map(|time| time.timestamp_millis() as f64)
    }

    #[napi(getter)]
    pub fn sample_interval_bytes(&self) -> Option<u32> {
        self.profile().interval()
    }

    /// Since the session's start; none where the file does not tell.
    #[napi(getter)]
    pub fn full_collections(&self) -> Option<f64> {
        self.profile().metadata.full_collections.map(|count| count as f64)
    }

    #[napi(getter)]
    pub fn pid(&self) -> Option<u32> {
        self.profile().metadata.pid
    }

    #[napi(getter)]
    pub fn thread_id(&self) -> Option<u32> {
        self.profile().metadata.thread_id
    }

    #[napi(getter)]
    pub fn session_id(&self) -> Option<String> {
        self.profile().metadata.session_id.clone()
    }

    #[napi(getter)]
    pub fn memory_usage(&self) -> Option<JsMemoryUsage> {
        self.profile().metadata.memory_usage.map(Into::into)
    }

    /// Name and text of each: in an object none could be called `__proto__`.
    #[napi(getter)]
    pub fn labels(&self) -> Vec<(String, String)> {
        let profile = self.profile();
        let labels = profile.metadata.labels.iter();
        labels.map(|(name, text)| (name.clone(), text.clone())).collect()
    }

    /// One for each script whose source map could not be used.
    #[napi(getter)]
    pub fn warnings(&self) -> Vec<JsWarning> {
        let profile = self.profile();
        let warnings = profile.metadata.warnings.iter().cloned();
        warnings.map(|Warning { url, message, count }| JsWarning { url, message, count }).collect()
    }

    /// None of a profile that was read.
    #[napi(getter)]
    pub fn timings(&self) -> Option<Timings> {
        self.timings
    }

    /// Lets go of the profile, so that it is freed now, or when the tasks that have it are done.
    /// lib/snapshot.js asks nothing of it any more.
    #[napi]
    pub fn dispose(&self, env: Env) -> Result<()> {
        self.profile.replace(Arc::new(Profile::new(Parts::default())));
        guard(|| self.give_back(env).map_err(refused))
    }

    /// Another object for the same profile, which stays when this one is disposed.
    #[napi]
    pub fn share(&self, env: Env) -> Result<NativeSnapshot> {
        let profile = self.profile().as_ref().clone();
        guard(|| NativeSnapshot::hold(env, profile, self.timings).map_err(refused))
    }

    /// What the live objects add up to, or with `allocated` the collected ones too; none where
    /// that is not known.
    #[napi]
    pub fn estimate(&self, include: JsInclude) -> Result<Option<JsEstimate>> {
        guard(|| Ok(self.profile().estimate(include.into()).map(describe)))
    }

    /// Each string once; nodes refer to them by index.
    #[napi]
    pub fn strings<'env>(&self, env: &'env Env) -> Result<Vec<JsString<'env>>> {
        let profile = self.profile();
        let strings = profile.strings.iter().map(|text| match text {
            Text::Utf8(text) => env.create_string(text),
            Text::Utf16(units) => env.create_string_utf16(units),
        });
        guard(|| strings.collect::<napi::Result<_>>().map_err(refused))
    }

    /// Nodes in pre-order: number of children, name, script name, script id, start position, line, column, id,
    /// number of allocations, line of the call; lib/tree.js knows the order.
    #[napi]
    pub fn nodes<'env>(&self, env: &'env Env) -> Result<Int32ArraySlice<'env>> {
        guard(|| {
            let mut start = 0;
            let profile = self.profile();
            let nodes = profile.nodes.iter().zip(profile.child_counts());
            let fields = nodes.map(|(node, children)| {
                let allocations = node.allocations_end - start;
                start = node.allocations_end;
                fields_of(node, children, allocations)
            });
            let fields: Vec<_> = fields.collect();
            Int32ArraySlice::copy_from(env, fields.as_flattened()).map_err(refused)
        })
    }

    /// Size and count of each allocation, in the order of the nodes.
    #[napi]
    pub fn allocations<'env>(&self, env: &'env Env) -> Result<Float64ArraySlice<'env>> {
        let profile = self.profile();
        let allocations = profile.allocations.iter();
        doubles(
            env,
            allocations.map(|allocation| [allocation.size as f64, f64::from(allocation.count)]),
        )
    }

    /// The estimated bytes of each node.
    #[napi]
    pub fn self_sizes<'env>(&self, env: &'env Env) -> Result<Float64ArraySlice<'env>> {
        guard(|| {
            Float64ArraySlice::copy_from(env, &self.profile().totals().self_sizes).map_err(refused)
        })
    }

    /// Estimated bytes, node id, ordinal and line of each sample, oldest first.
    #[napi]
    pub fn samples<'env>(&self, env: &'env Env) -> Result<Float64ArraySlice<'env>> {
        let profile = self.profile();
        let samples = profile.samples_by_age();
        doubles(
            env,
            samples.map(|sample| {
                let (node_id, line) = (f64::from(sample.node_id), f64::from(sample.line));
                [profile.bytes_of(sample), node_id, sample.ordinal as f64, line]
            }),
        )
    }
}

fn describe(estimate: Estimate) -> JsEstimate {
    JsEstimate {
        sample_count: estimate.sample_count as f64,
        bytes: describe_total(estimate.bytes),
        objects: describe_total(estimate.objects),
    }
}

fn describe_total(total: Total) -> JsTotal {
    let (low, high) = total.interval95();
    JsTotal { estimate: total.estimate, standard_error: total.standard_error(), low, high }
}

fn doubles<'env, const N: usize>(
    env: &'env Env,
    rows: impl Iterator<Item = [f64; N]>,
) -> Result<Float64ArraySlice<'env>> {
    guard(|| {
        let rows: Vec<_> = rows.collect();
        Float64ArraySlice::copy_from(env, rows.as_flattened()).map_err(refused)
    })
}

fn fields_of(node: &Node, children: u32, allocations: u32) -> [i32; 10] {
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
        node.call_line,
    ]
}
