//! Starting, stopping and asking after the sampling session of the calling thread.

use heap_profile_core::profile::metadata::ExternalMemory;
use napi::Env;
use napi_derive::napi;

use super::host::JsHost;
use super::names::JsInclude;
use super::outcome::{Result, guard};
use super::snapshot::NativeSnapshot;
use crate::v8::{self, StartOptions, Status};

/// The options that the caller named; lib/options.js checked them.
#[napi(object, object_to_js = false)]
pub struct JsStartOptions {
    pub sample_interval_bytes: Option<u32>,
    pub stack_depth: Option<u32>,
    #[napi(js_name = "forceGC")]
    pub force_gc: Option<bool>,
    pub include: Option<JsInclude>,
    pub external_memory: Option<bool>,
}

#[napi(object, object_from_js = false)]
pub struct JsStatus {
    pub sample_interval_bytes: u32,
    pub stack_depth: u32,
    #[napi(js_name = "forceGC")]
    pub force_gc: bool,
    pub include: JsInclude,
    /// None where it was not asked for.
    pub external_memory: Option<JsExternalMemory>,
    /// Since it started.
    pub full_collections: f64,
    /// Milliseconds since 1970.
    pub started_at: f64,
}

/// What came of the wish to sample Buffers.
#[napi(object, object_from_js = false)]
pub struct JsExternalMemory {
    pub enabled: bool,
    /// Why not, where they are not.
    pub reason: Option<String>,
}

/// Why Buffers that were to be sampled are not, if so.
#[napi]
pub fn start(env: Env, options: JsStartOptions) -> Result<Option<String>> {
    let asked = StartOptions {
        sample_interval_bytes: options.sample_interval_bytes,
        stack_depth: options.stack_depth,
        force_gc: options.force_gc,
        include: options.include.map(Into::into),
        external_memory: options.external_memory,
    };
    guard(|| Ok(v8::start(env, asked)?.and_then(|external| external.reason)))
}

#[napi]
pub fn stop(env: Env) -> Result<()> {
    guard(|| v8::stop(env))
}

#[napi]
pub fn status() -> Result<Option<JsStatus>> {
    guard(|| Ok(v8::status()?.map(describe)))
}

#[napi]
pub fn snapshot(env: Env, host: JsHost) -> Result<NativeSnapshot> {
    guard(|| NativeSnapshot::take(env, host.into()))
}

fn describe(Status { session, full_collections, external_memory }: Status) -> JsStatus {
    let external_memory = external_memory
        .map(|ExternalMemory { enabled, reason }| JsExternalMemory { enabled, reason });
    JsStatus {
        sample_interval_bytes: session.options.sample_interval_bytes,
        stack_depth: session.options.stack_depth,
        force_gc: session.options.force_gc,
        include: session.options.include.into(),
        external_memory,
        full_collections: full_collections as f64,
        started_at: session.started_at.timestamp_millis() as f64,
    }
}
