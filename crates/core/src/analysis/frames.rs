//! Functions as answers name them.

use std::sync::Arc;

use foldhash::HashMap;
use indexmap::IndexSet;
use serde::Serialize;

use crate::profile::{Node, Profile};

/// A function.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Frame {
    /// Its name, empty if it has none; of a file or a package nothing.
    pub function_name: String,
    /// Its script; of a package the name of the package.
    pub url: String,
    /// 1-based, 0 if unknown.
    pub line_number: i32,
    /// 1-based, 0 if unknown.
    pub column_number: i32,
}

impl Frame {
    /// Whether it is the program's: neither Node.js's own nor V8's, such as `push`, which have no
    /// place.
    pub fn is_program(&self) -> bool {
        let is_native = self.url.is_empty() && self.line_number == 0;
        !is_native && !is_internal(&self.url)
    }
}

/// The functions of all profiles that are looked at together, each once. Stacks in answers share
/// them: there are far more stacks than functions.
#[derive(Debug, Default)]
pub struct FrameTable(IndexSet<Arc<Frame>>);

impl FrameTable {
    /// The function of that number.
    pub fn get(&self, number: u32) -> &Arc<Frame> {
        &self.0[number as usize]
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of a function.
    pub fn number(&mut self, frame: Frame) -> u32 {
        let known = self.0.get_index_of(&frame);
        known.unwrap_or_else(|| self.0.insert_full(Arc::new(frame)).0) as u32
    }

    /// The number of each node's function.
    pub fn of_nodes(&mut self, profile: &Profile) -> Vec<u32> {
        let mut known: HashMap<(u32, u32, i32, i32), u32> = HashMap::default();
        let numbers = profile.nodes.iter().map(|node| {
            let place = (node.name, node.script_name, node.line_number, node.column_number);
            *known.entry(place).or_insert_with(|| self.number(frame_of(profile, node)))
        });
        numbers.collect()
    }
}

fn frame_of(profile: &Profile, node: &Node) -> Frame {
    let text = |index: u32| profile.strings[index as usize].to_utf8().into_owned();
    Frame {
        function_name: text(node.name),
        url: text(node.script_name),
        line_number: node.line_number,
        column_number: node.column_number,
    }
}

/// Whether a script is Node.js's own.
fn is_internal(url: &str) -> bool {
    url.starts_with("node:")
}

/// Whether it is the program's own code, and no package's.
pub fn is_own_code(frame: &Frame) -> bool {
    frame.is_program() && package_of(&frame.url) == "(app)"
}

/// The package of a script: what stands after the last `node_modules/`, with its scope.
pub fn package_of(url: &str) -> &str {
    if is_internal(url) {
        return "(node)";
    }
    let Some((_, path)) = url.rsplit_once("node_modules/") else {
        return if url.is_empty() { "(none)" } else { "(app)" };
    };
    let parts = if path.starts_with('@') { 2 } else { 1 };
    path.match_indices('/').nth(parts - 1).map_or(path, |(end, _)| &path[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_named_as_npm_does() {
        for (url, package) in [
            ("", "(none)"),
            ("node:fs", "(node)"),
            ("/app/index.js", "(app)"),
            ("file:///app/node_modules/express/lib/a.js", "express"),
            ("/app/node_modules/a/node_modules/@b/c/index.js", "@b/c"),
            ("/app/node_modules/a", "a"),
        ] {
            assert_eq!(package_of(url), package, "{url}");
        }
    }
}
