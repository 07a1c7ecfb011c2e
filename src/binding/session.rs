//! Starting, stopping and asking after the sampling session of the calling thread.

use heap_profile_core::profile::ExactStacks;
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
    pub exact_stacks: Option<bool>,
}

#[napi(object, object_from_js = false)]
pub struct JsStatus {
    pub sample_interval_bytes: u32,
    pub stack_depth: u32,
    #[napi(js_name = "forceGC")]
    pub force_gc: bool,
    pub include: JsInclude,
    /// None where they were not asked for.
    pub exact_stacks: Option<JsExactStacks>,
    /// Since it started.
    pub full_collections: f64,
    /// Milliseconds since 1970.
    pub started_at: f64,
}

/// What came of the wish for exact stacks.
#[napi(object, object_from_js = false)]
pub struct JsExactStacks {
    pub enabled: bool,
    /// Why not, where they are not.
    pub reason: Option<String>,
}

/// Why exact stacks that were asked for cannot be had, if so.
#[napi]
pub fn start(env: Env, options: JsStartOptions) -> Result<Option<String>> {
    let asked = StartOptions {
        sample_interval_bytes: options.sample_interval_bytes,
        stack_depth: options.stack_depth,
        force_gc: options.force_gc,
        include: options.include.map(Into::into),
        exact_stacks: options.exact_stacks,
    };
    guard(|| Ok(v8::start(env, asked)?.and_then(|exact| exact.reason)))
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

fn describe(Status { session, exact_stacks, full_collections }: Status) -> JsStatus {
    let exact_stacks =
        exact_stacks.map(|ExactStacks { enabled, reason, .. }| JsExactStacks { enabled, reason });
    JsStatus {
        sample_interval_bytes: session.options.sample_interval_bytes,
        stack_depth: session.options.stack_depth,
        force_gc: session.options.force_gc,
        include: session.options.include.into(),
        exact_stacks,
        full_collections: full_collections as f64,
        started_at: session.started_at.timestamp_millis() as f64,
    }
}
