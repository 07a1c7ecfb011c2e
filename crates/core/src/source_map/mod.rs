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
use crate::profile::{Node, Profile, Renamed, Sample, Stated, Strings, Text};
use script::Script;

/// The profile with original names and positions, and with warnings of what went wrong.
pub fn map(profile: &Profile) -> Profile {
    let lines: Vec<NodeLine> = lines_in(profile).collect();
    let mapped = apply(&profile.strings, &profile.nodes, &lines);
    let Mapped { strings, mut nodes, lines, warnings } = mapped;
    let mut lines = lines.into_iter();
    // As `lines_in` has them.
    for node in nodes.iter_mut().skip(1) {
        node.call_line = lines.next().unwrap_or(0);
    }
    let samples = profile.samples.iter().zip(&profile.totals().sample_nodes);
    let samples = samples.map(|(sample, node)| {
        let line = node.and_then(|_| lines.next()).unwrap_or(0);
        Sample { line, ..*sample }
    });
    let samples = samples.collect();
    let stated = profile.stated.iter();
    let stated = stated.map(|stated| Stated { line: lines.next().unwrap_or(0), ..*stated });
    let stated = stated.collect();
    profile.renamed(Renamed { strings, nodes, samples, stated, warnings })
}

/// A node by its index, and a line of its function: 1-based, 0 for unknown.
type NodeLine = (u32, i32);

/// The lines that a profile has, each with the node in whose function it is.
fn lines_in(profile: &Profile) -> impl Iterator<Item = NodeLine> {
    let calls = profile.nodes.iter().skip(1).map(|node| (node.parent, node.call_line));
    let samples = profile.samples.iter().zip(&profile.totals().sample_nodes);
    let allocations = samples.filter_map(|(sample, node)| Some(((*node)?, sample.line)));
    let stated = profile.stated.iter().map(|stated| (stated.node, stated.line));
    calls.chain(allocations).chain(stated)
}

/// A profile's strings and nodes in terms of the original code.
#[derive(Debug)]
pub struct Mapped {
    /// The strings there were and those of the original code behind them.
    pub strings: Vec<Text>,
    /// The nodes, with other names, script names, lines and columns where these are known.
    pub nodes: Vec<Node>,
    /// The lines that were asked for; 0 where it cannot be told.
    pub lines: Vec<i32>,
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
    /// A line in it, 0-based, that is asked for too.
    inner_line: Option<u32>,
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
    /// The line that was asked for, 1-based; 0 for none, and where it cannot be told.
    inner_line: i32,
}

/// Functions of a script and where they were written; none where the map does not say.
type Originals = HashMap<Function, Option<Original>>;

/// Maps to original positions. Everything but `strings` and the nodes' name, script name, line and
/// column stays as it is. Of functions that are mapped, `lines` are, too.
pub fn apply(strings: &[Text], nodes: &[Node], lines: &[NodeLine]) -> Mapped {
    let mut table = Strings::default();
    for text in strings {
        table.intern_text(text.clone());
    }
    let mut mapped = nodes.to_vec();
    let mut mapped_lines: Vec<i32> = lines.iter().map(|&(_, line)| line).collect();
    let lines_by_script = lines_by_script(nodes, lines);
    let mut warnings = Vec::new();
    for (script_name, indexes) in nodes_by_script(nodes) {
        let Text::Utf8(url) = &strings[script_name as usize] else { continue };
        let Some(script) = Script::named(url) else { continue };
        let functions = indexes.iter().filter_map(|&index| function_of(strings, &nodes[index]));
        let asked = lines_by_script.get(&script_name).map_or(&[][..], Vec::as_slice);
        let with_line = |&at: &usize| function_with(strings, nodes, lines[at]);
        let functions = functions.chain(asked.iter().filter_map(with_line));
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
                for at in asked {
                    let function = with_line(at);
                    if let Some(original) =
                        function.and_then(|place| originals.get(&place)?.as_ref())
                    {
                        mapped_lines[*at] = original.inner_line;
                    }
                }
            }
            Err(message) => {
                let count = indexes.len() as u32;
                warnings.push(Warning { url: url.to_string(), message, count });
            }
        }
    }
    Mapped { strings: table.into_vec(), nodes: mapped, lines: mapped_lines, warnings }
}

/// Indexes of lines that are known, by the index of their script's name.
fn lines_by_script(nodes: &[Node], lines: &[NodeLine]) -> HashMap<u32, Vec<usize>> {
    let mut scripts = HashMap::<u32, Vec<usize>>::default();
    let known = lines.iter().enumerate().filter(|&(_, &(_, line))| line > 0);
    for (at, &(node, _)) in known {
        scripts.entry(nodes[node as usize].script_name).or_default().push(at);
    }
    scripts
}

/// The function of a node, and a line in it.
fn function_with(strings: &[Text], nodes: &[Node], (node, line): NodeLine) -> Option<Function> {
    let function = function_of(strings, &nodes[node as usize])?;
    Some(Function { inner_line: u32::try_from(line - 1).ok(), ..function })
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
    Some(Function { line, column, name, inner_line: None })
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
