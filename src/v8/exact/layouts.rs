//! Where V8 keeps what is looked for, in bytes from the start of its objects: lib/exact-layouts.json, a row
//! for each V8. scripts/exact-layout.mjs finds and checks them.

use serde::Deserialize;

use super::Refusal;

const TABLE: &str = include_str!("../../../lib/exact-layouts.json");

/// A row of the table.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Layout {
    /// Major and minor version of V8.
    v8: String,
    /// `v8::internal::HeapProfiler`.
    pub heap_profiler: HeapProfiler,
    /// `v8::internal::SamplingHeapProfiler`.
    pub sampling_heap_profiler: SamplingHeapProfiler,
    /// `v8::internal::SamplingHeapProfiler::Observer`.
    pub observer: Observer,
}

/// One per isolate.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeapProfiler {
    /// Its strings.
    pub names: usize,
    /// Null while nothing is sampled.
    pub sampling_heap_profiler: usize,
}

/// One per session.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SamplingHeapProfiler {
    pub isolate: usize,
    pub heap: usize,
    /// The number of the last sample; 0 before the first.
    pub last_sample_id: usize,
    /// Not a pointer to it: it begins here, with its vtable pointer.
    pub observer: usize,
    /// The strings of the HeapProfiler.
    pub names: usize,
    /// Of the root of its tree: `(root)`.
    pub root_name: usize,
    /// Ours, an int.
    pub stack_depth: usize,
    /// Our interval.
    pub rate: usize,
}

/// What V8's heap calls for each step of allocation.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Observer {
    /// Our interval.
    pub step_size: usize,
    /// The SamplingHeapProfiler that it is in.
    pub profiler: usize,
    pub heap: usize,
    /// Our interval again.
    pub rate: usize,
}

impl Layout {
    /// The one of this V8, a version such as `11.3.244.8-node.38`.
    pub fn of(v8_version: &str) -> Result<Layout, Refusal> {
        let rows: Vec<Layout> = serde_json::from_str(TABLE)
            .map_err(|error| Refusal(format!("the table of layouts cannot be read: {error}")))?;
        let is_meant = |row: &Layout| {
            v8_version.strip_prefix(&row.v8).is_some_and(|rest| rest.starts_with('.'))
        };
        let unknown = || Refusal(format!("they were not verified with V8 {v8_version}"));
        rows.into_iter().find(is_meant).ok_or_else(unknown)
    }
}
