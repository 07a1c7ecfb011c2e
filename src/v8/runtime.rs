//! Which V8 runs, and whether its layouts were verified. The table is lib/verified-runtimes.json,
//! which the JavaScript loader reads too; this is the second check, for those who load the binary
//! without it.

use std::ffi::CStr;

use serde::Deserialize;

use super::ffi::{self, SampleLayout};
use crate::error::{Error, Result};

const TABLE: &str = include_str!("../../lib/verified-runtimes.json");

/// What of the running V8 differs between the verified ones.
#[derive(Clone, Copy, Debug)]
pub struct Runtime {
    /// The layout of `v8::AllocationProfile::Sample`.
    pub sample_layout: SampleLayout,
    /// Whether the flags that keep collected objects exist.
    pub keeps_collected: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    /// Major and minor version of V8.
    v8: String,
    sample_bytes: usize,
    keeps_collected: bool,
}

impl Runtime {
    /// The running V8, or [`Error::UnsupportedRuntime`].
    pub fn current() -> Result<Runtime> {
        let version = v8_version();
        let unsupported = || Error::UnsupportedRuntime(format!("V8 {version} was not verified"));
        let rows: Vec<Row> =
            serde_json::from_str(TABLE).map_err(|error| Error::Internal(error.to_string()))?;
        let is_running =
            |row: &&Row| version.strip_prefix(&row.v8).is_some_and(|rest| rest.starts_with('.'));
        let row = rows.iter().find(is_running).ok_or_else(unsupported)?;
        let sample_layout = match row.sample_bytes {
            32 => SampleLayout::WithoutLiveness,
            40 => SampleLayout::WithLiveness,
            _ => return Err(unsupported()),
        };
        Ok(Runtime { sample_layout, keeps_collected: row.keeps_collected })
    }
}

/// Such as `11.3.244.8-node.38`.
fn v8_version() -> String {
    // SAFETY: v8::V8::GetVersion takes nothing and returns a static string on every version.
    let version = unsafe { ffi::hp_version_get() };
    // SAFETY: that string is NUL-terminated and never freed.
    let version = unsafe { CStr::from_ptr(version) };
    version.to_string_lossy().into_owned()
}
