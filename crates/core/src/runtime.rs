//! Which V8 was verified, and what differs between them. The table is
//! lib/verified-runtimes.json, which the JavaScript loader reads too; this is the second check,
//! for whoever loads the binary without it.

use serde::Deserialize;

use crate::error::{Error, Result};

const TABLE: &str = include_str!("../../../lib/verified-runtimes.json");

/// What of a V8 differs between the verified ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runtime {
    /// Whether `v8::AllocationProfile::Sample` has `is_live` and 40 bytes, not 32.
    pub tells_liveness: bool,
    /// Whether the flags that keep collected objects exist.
    pub keeps_collected: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    /// Major and minor version of V8.
    v8: String,
    sample_bytes: u32,
    keeps_collected: bool,
}

impl Runtime {
    /// The one with this V8, a version such as `11.3.244.8-node.38`; else
    /// [`Error::UnsupportedRuntime`].
    pub fn of(v8_version: &str) -> Result<Runtime> {
        let rows: Vec<Row> = serde_json::from_str(TABLE).map_err(Error::internal)?;
        let is_meant =
            |row: &&Row| v8_version.strip_prefix(&row.v8).is_some_and(|rest| rest.starts_with('.'));
        let row = rows.iter().find(is_meant).ok_or_else(|| {
            Error::UnsupportedRuntime(format!("V8 {v8_version} was not verified"))
        })?;
        let tells_liveness = row.sample_bytes == 40;
        Ok(Runtime { tells_liveness, keeps_collected: row.keeps_collected })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_layouts_of_verified_versions() {
        let runtime = |version| Runtime::of(version).unwrap();
        let node_18 = Runtime { tells_liveness: false, keeps_collected: false };
        let node_20 = Runtime { tells_liveness: false, keeps_collected: true };
        let node_26 = Runtime { tells_liveness: true, keeps_collected: true };
        assert_eq!(runtime("10.2.154.26-node.39"), node_18);
        assert_eq!(runtime("11.3.244.8-node.38"), node_20);
        assert_eq!(runtime("14.6.202.34-node.34"), node_26);
    }

    #[test]
    fn refuses_every_other_version() {
        for version in ["", "1", "10", "10.20.1", "11.4.0", "14.60.1", "99.0.0.1"] {
            let refused = Runtime::of(version).unwrap_err();
            assert_eq!(refused.code(), Some("ERR_UNSUPPORTED_RUNTIME"), "{version}");
            assert!(refused.to_string().contains(version));
        }
    }
}
