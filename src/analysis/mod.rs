//! Questions asked of profiles: what holds memory, what grew, what leaks. One file each.
//!
//! Results are plain data that serialize to the JSON that index.d.ts documents.

pub mod diff;
pub mod flamegraph;
pub mod history;
pub mod interval;
pub mod leaks;
pub mod sites;
mod statistics;
pub mod top;

#[cfg(test)]
mod testing;

use serde::Deserialize;

use sites::{Frame, Grouping};

/// Which sites are asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Question {
    /// How nodes become sites.
    #[serde(flatten)]
    pub grouping: Grouping,
    /// Whether sites count what they call, too.
    pub total: bool,
    /// Only sites whose function name or URL has this in it.
    pub filter: String,
    /// How many sites at most; none for all.
    pub limit: Option<usize>,
}

impl Question {
    fn asks_for(&self, frame: &Frame) -> bool {
        frame.function_name.contains(&self.filter) || frame.url.contains(&self.filter)
    }
}
