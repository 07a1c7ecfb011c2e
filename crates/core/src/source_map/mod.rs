//! From generated code back to what was written: names, files, lines and columns by source maps.
//!
//! Reads scripts, and maps in or below the directory of their script; nothing else, and nothing from
//! the network. What it is not sure of stays as V8 has it.

mod cache;
mod code;
mod file;
mod map;
mod script;
mod sources;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::{HashMap, HashSet};

use crate::profile::metadata::Warning;
use crate::profile::{Node, Profile, Strings, Text};
use script::Script;

/// The profile with original names and positions, and with warnings of what went wrong.
pub fn map(profile: &Profile) -> Profile {
    let Mapped { strings, nodes, warnings } = apply(&profile.strings, &profile.nodes);
    profile.renamed(strings, nodes, warnings)
}

/// A profile's strings and nodes in terms of the original code.
#[derive(Debug)]
pub struct Mapped {
    /// The strings there were and those of the original code behind them.
    pub strings: Vec<Text>,
    /// The nodes, with other names, script names, lines and columns where these are known.
    pub nodes: Vec<Node>,
    /// One for each script whose map could not be used.
    pub warnings: Vec<Warning>,
}

/// A function as V8 has it: what an answer depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Function {
    /// 0-based.
    line: u32,
    /// 0-based, in UTF-16 code units.
    column: u32,
    /// Empty for none.
    name: Box<str>,
}

/// Where a function was written.
#[derive(Clone, Debug, PartialEq)]
struct Original {
    source: Arc<str>,
    /// 1-based, as V8's.
    line: i32,
    /// 1-based, as V8's.
    column: i32,
    /// None where V8's name is as good as it gets.
    name: Option<Box<str>>,
}

/// Functions of a script and where they were written; none where the map does not say.
type Originals = HashMap<Function, Option<Original>>;

/// Maps to original positions. Everything but `strings` and the nodes' name, script name, line and
/// column stays as it is.
pub fn apply(strings: &[Text], nodes: &[Node]) -> Mapped {
    let mut table = Strings::default();
    for text in strings {
        table.intern_text(text.clone());
    }
    let mut mapped = nodes.to_vec();
    let mut warnings = Vec::new();
    for (script_name, indexes) in nodes_by_script(nodes) {
        let Text::Utf8(url) = &strings[script_name as usize] else { continue };
        let Some(script) = Script::named(url) else { continue };
        let functions = indexes.iter().filter_map(|&index| function_of(strings, &nodes[index]));
        let functions: HashSet<Function> = functions.collect();
        match cache::originals(&script, &functions) {
            Ok(originals) => {
                for index in indexes {
                    let node = &nodes[index];
                    let function = function_of(strings, node);
                    if let Some(original) =
                        function.and_then(|place| originals.get(&place)?.as_ref())
                    {
                        mapped[index] = rewritten(node, original, &mut table);
                    }
                }
            }
            Err(message) => {
                let count = indexes.len() as u32;
                warnings.push(Warning { url: url.to_string(), message, count });
            }
        }
    }
    Mapped { strings: table.into_vec(), nodes: mapped, warnings }
}

/// Indexes of nodes by the index of their script's name.
fn nodes_by_script(nodes: &[Node]) -> BTreeMap<u32, Vec<usize>> {
    let mut scripts = BTreeMap::<u32, Vec<usize>>::new();
    for (index, node) in nodes.iter().enumerate() {
        scripts.entry(node.script_name).or_default().push(index);
    }
    scripts
}

/// None where V8 does not know where the function is.
fn function_of(strings: &[Text], node: &Node) -> Option<Function> {
    let zero_based = |position: i32| u32::try_from(position).ok()?.checked_sub(1);
    let name = match &strings[node.name as usize] {
        Text::Utf8(name) => name.clone(),
        // Not well-formed, so no name of a map; the position is as good as any.
        Text::Utf16(_) => Box::default(),
    };
    let (line, column) = (zero_based(node.line_number)?, zero_based(node.column_number)?);
    Some(Function { line, column, name })
}

/// The node where the function was written.
fn rewritten(node: &Node, original: &Original, strings: &mut Strings) -> Node {
    let name = original.name.as_ref().map_or(node.name, |name| strings.intern(name));
    Node {
        name,
        script_name: strings.intern(&original.source),
        line_number: original.line,
        column_number: original.column,
        ..node.clone()
    }
}
