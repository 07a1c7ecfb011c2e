//! Functions as answers name them.

use std::sync::Arc;

use foldhash::HashMap;
use foldhash::fast::RandomState;
use indexmap::IndexSet;
use serde::Serialize;

use crate::profile::lines::ByLine;
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

    /// Whose code it is.
    pub fn owner(&self) -> Owner {
        match self.is_program() {
            false => Owner::Internal,
            true if self.url.contains(PACKAGES) => Owner::Package,
            true => Owner::App,
        }
    }

    /// Whether all that it calls is done to load a module: it is Node.js's loader, or a module's own
    /// code, which V8 calls as a function without a name that starts where the file does.
    pub fn loads_modules(&self) -> bool {
        let is_body = self.function_name.is_empty() && !self.url.is_empty();
        let is_at_start = self.line_number == 1 && self.column_number == 1;
        is_body && is_at_start || self.url.starts_with("node:internal/modules/")
    }
}

/// A function that leads to a site.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Caller {
    /// The function.
    #[serde(flatten)]
    pub frame: Arc<Frame>,
    /// The line of it that calls the next one on the way; 1-based, 0 if unknown.
    pub call_line_number: i32,
}

/// Whose code a function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Owner {
    /// The application's.
    App,
    /// That of a package in node_modules.
    Package,
    /// Node.js's own or V8's.
    Internal,
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

/// Places in functions: a function by its number, and a line of it, 0 for unknown.
#[derive(Debug, Default)]
pub struct PlaceTable {
    /// The functions.
    pub frames: FrameTable,
    places: IndexSet<(u32, i32), RandomState>,
}

impl PlaceTable {
    /// The number of each node's place.
    pub fn of_nodes(&mut self, by_line: &ByLine<'_>) -> Vec<u32> {
        let frames = self.frames.of_nodes(by_line.profile());
        let places = frames.into_iter().enumerate();
        let number = |(node, frame)| {
            let place = (frame, by_line.line(node));
            self.places.insert_full(place).0 as u32
        };
        places.map(number).collect()
    }

    /// The number of the place's function, and the line.
    pub fn get(&self, place: u32) -> (u32, i32) {
        self.places[place as usize]
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

/// What the paths of packages have before the package's name.
const PACKAGES: &str = "node_modules/";

/// Whether a script is Node.js's own.
fn is_internal(url: &str) -> bool {
    url.starts_with("node:")
}

/// The package of a script: what stands after the last `node_modules/`, with its scope.
pub fn package_of(url: &str) -> &str {
    if is_internal(url) {
        return "(node)";
    }
    let Some((_, path)) = url.rsplit_once(PACKAGES) else {
        return if url.is_empty() { "(none)" } else { "(app)" };
    };
    let parts = if path.starts_with('@') { 2 } else { 1 };
    path.match_indices('/').nth(parts - 1).map_or(path, |(end, _)| &path[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_loaded_by_node_and_by_their_own_code() {
        let frame = |name: &str, url: &str, line_number, column_number| Frame {
            function_name: name.into(),
            url: url.into(),
            line_number,
            column_number,
        };
        for (loads, name, url, line, column) in [
            (true, "", "/app/index.js", 1, 1),
            (true, "", "node:internal/main/run_main_module", 1, 1),
            (true, "Module._load", "node:internal/modules/cjs/loader", 1003, 24),
            (true, "run", "node:internal/modules/esm/module_job", 318, 12),
            (false, "", "/app/index.js", 1, 2),
            (false, "main", "/app/index.js", 1, 1),
            (false, "", "", 1, 1),
            (false, "listOnTimeout", "node:internal/timers", 524, 25),
        ] {
            assert_eq!(frame(name, url, line, column).loads_modules(), loads, "{name} {url}");
        }
    }

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
