//! Sampled Buffers in a profile: what ArrayBuffers hold outside of V8's heap, each sample with its own stack.
//!
//! In the tree they are at a leaf of their own, `(array buffer)`, below the function that allocated
//! them, so what is known of a sample follows from its node. Their samples are of a process of their own: V8's
//! sampler and ours count independently, with the same interval. So their ordinals begin where
//! V8's never come to.

use std::sync::Arc;

use foldhash::HashMap;

use super::tree::{Tree, child_lists, pre_order};
use super::{Allocation, Node, Profile, Sample, Text, estimate};

/// The name of the leaves.
pub const LEAF: &str = "(array buffer)";

/// What calls the leaf where small Buffers share memory: whoever needed more of it is its caller.
pub const POOL: &str = "(buffer pool)";

/// Their ordinals are above this, 2^52; and below 2^53, up to which numbers of JavaScript are whole.
pub const FIRST_ORDINAL: u64 = 1 << 52;

/// Whether an ordinal is a Buffer's.
pub fn is_buffer(ordinal: u64) -> bool {
    (FIRST_ORDINAL + 1..2 * FIRST_ORDINAL).contains(&ordinal)
}

/// A function on a stack.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name.
    pub name: Text,
    /// The name or URL of its script.
    pub script_name: Text,
    /// V8's script id, 0 for none.
    pub script_id: i32,
    /// See [`Node::start_position`]; -1 for unknown.
    pub start_position: i32,
    /// See [`Node::line_number`].
    pub line_number: i32,
    /// See [`Node::column_number`].
    pub column_number: i32,
}

impl Function {
    /// What stands for a function where there is none.
    pub fn pseudo(name: &str) -> Function {
        Function {
            name: Text::from(name),
            script_name: Text::from(""),
            script_id: 0,
            start_position: 0,
            line_number: 0,
            column_number: 0,
        }
    }

    /// Whether it is the program's: neither Node.js's own nor no function at all.
    pub fn is_program(&self) -> bool {
        let script_name = self.script_name.to_utf8();
        !script_name.is_empty() && !script_name.starts_with("node:")
    }

    /// Whether it has that name, in the script of that name.
    pub fn is(&self, (name, script_name): (&str, &str)) -> bool {
        self.name == Text::from(name) && self.script_name == Text::from(script_name)
    }
}

/// A call in a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    /// The number of the function that was called.
    pub function: u32,
    /// Line in the caller's function, 1-based, 0 for unknown.
    pub line: i32,
}

/// A sampled Buffer.
#[derive(Clone, Copy, Debug)]
pub struct Buffer {
    /// Bytes.
    pub size: u64,
    /// See [`Sample::ordinal`]; above [`FIRST_ORDINAL`].
    pub ordinal: u64,
    /// Where it was allocated: a leaf of [`Buffers::stacks`].
    pub stack: u32,
    /// Whether it is still alive.
    pub is_live: bool,
}

/// What a session has sampled of Buffers.
#[derive(Clone, Debug)]
pub struct Buffers {
    /// Those on the stacks.
    pub functions: Vec<Function>,
    /// All stacks, the outermost calls first.
    pub stacks: Tree<Call>,
    /// Those that are alive, or kept.
    pub sampled: Vec<Buffer>,
}

/// What tells a node from its siblings: name, script id, start and line of the call.
type Key = (u32, i32, i32, i32);

impl Profile {
    /// With Buffers, in the same tree. Without `has_call_lines` the nodes of the profile say nothing of where their
    /// functions were called. Then only what leads from the innermost function of the program to the leaf says so: all
    /// else would not be the same calls.
    pub fn with_buffers(mut self, buffers: &Buffers, has_call_lines: bool) -> Profile {
        let interval = self.interval().unwrap_or(1);
        let merged = Merged::of(&self, buffers, has_call_lines);
        let parts = self.parts_mut();
        let mut samples = std::mem::take(Arc::make_mut(&mut parts.samples));
        samples.extend(buffers.sampled.iter().map(|buffer| {
            let node = &merged.nodes[merged.places[buffer.stack as usize] as usize];
            Sample {
                size: buffer.size,
                ordinal: buffer.ordinal,
                node_id: node.id,
                count: estimate::v8_count(buffer.size, interval, 1),
                // The leaf has it: it is a line of the caller's.
                line: 0,
                // As V8's are where it does not tell.
                is_live: buffer.is_live || !parts.knows_liveness,
            }
        }));
        parts.samples = samples.into();
        let (nodes, allocations) = merged.in_order(&parts.allocations);
        parts.nodes = nodes.into();
        parts.allocations = allocations.into();
        parts.strings = merged.strings.into();
        self
    }
}

/// The nodes of a profile and those of the stacks of Buffers, together.
struct Merged {
    strings: Vec<Text>,
    /// Each after its parent.
    nodes: Vec<Node>,
    /// Of each stack the node.
    places: Vec<u32>,
}

impl Merged {
    fn of(profile: &Profile, buffers: &Buffers, has_call_lines: bool) -> Merged {
        let mut names = Names::of(&profile.strings);
        let mut nodes = profile.nodes.to_vec();
        let mut children = Children::of(&nodes);
        let highest = nodes.iter().map(|node| node.id).max().unwrap_or_default();
        let is_used = used(buffers);
        let leads_on = leads_to_program(buffers);
        let mut places = vec![0; is_used.len()];
        for stack in (0..is_used.len()).filter(|&stack| is_used[stack]) {
            let Some(call) = buffers.stacks.keys[stack] else { continue };
            let parent = places[buffers.stacks.parents[stack] as usize];
            let function = &buffers.functions[call.function as usize];
            let node = Node {
                id: highest + (nodes.len() - profile.nodes.len()) as u32 + 1,
                parent,
                name: names.number(&function.name),
                script_name: names.number(&function.script_name),
                script_id: function.script_id,
                start_position: function.start_position,
                line_number: function.line_number,
                column_number: function.column_number,
                call_line: if has_call_lines || !leads_on[stack] { call.line } else { 0 },
                allocations_end: 0,
            };
            places[stack] = children.place(&mut nodes, node, &names);
        }
        Merged { strings: names.strings, nodes, places }
    }

    /// The nodes in pre-order, with what V8 says of them; each says where its part of that ends.
    fn in_order(&self, allocations: &[Allocation]) -> (Vec<Node>, Vec<Allocation>) {
        let parents: Vec<u32> = self.nodes.iter().map(|node| node.parent).collect();
        let (order, ranks) = pre_order(&parents);
        let mut nodes = Vec::with_capacity(order.len());
        let mut ordered = Vec::with_capacity(allocations.len());
        for index in order {
            let node = &self.nodes[index as usize];
            let before = (index as usize).checked_sub(1);
            let start = before.map_or(0, |before| self.nodes[before].allocations_end);
            // That of a new node is 0.
            if node.allocations_end > start {
                ordered.extend(&allocations[start as usize..node.allocations_end as usize]);
            }
            nodes.push(Node {
                parent: ranks[node.parent as usize],
                allocations_end: ordered.len() as u32,
                ..node.clone()
            });
        }
        (nodes, ordered)
    }
}

/// Which of the stacks lead to sampled Buffers.
fn used(buffers: &Buffers) -> Vec<bool> {
    let parents = &buffers.stacks.parents;
    let mut is_used = vec![false; parents.len()];
    for buffer in &buffers.sampled {
        let mut stack = buffer.stack as usize;
        while !is_used[stack] {
            is_used[stack] = true;
            stack = parents[stack] as usize;
        }
    }
    is_used
}

/// Whether each call is of a function of the program, or leads to one.
fn leads_to_program(buffers: &Buffers) -> Vec<bool> {
    let Tree { keys, parents, .. } = &buffers.stacks;
    let is_program: Vec<bool> = buffers.functions.iter().map(Function::is_program).collect();
    let mut leads: Vec<bool> = keys
        .iter()
        .map(|call| call.is_some_and(|call| is_program[call.function as usize]))
        .collect();
    for stack in (1..leads.len()).rev() {
        leads[parents[stack] as usize] |= leads[stack];
    }
    leads
}

/// The strings of a profile. Some may be there twice: V8 has equal ones at several addresses.
struct Names {
    strings: Vec<Text>,
    /// The first of those that are equal to each.
    first: Vec<u32>,
    numbers: HashMap<Text, u32>,
}

impl Names {
    fn of(strings: &[Text]) -> Names {
        let mut numbers = HashMap::default();
        let first = strings.iter().zip(0..);
        let first = first.map(|(text, number)| *numbers.entry(text.clone()).or_insert(number));
        Names { first: first.collect(), strings: strings.to_vec(), numbers }
    }

    fn number(&mut self, text: &Text) -> u32 {
        *self.numbers.entry(text.clone()).or_insert_with(|| {
            self.strings.push(text.clone());
            self.first.push(self.strings.len() as u32 - 1);
            self.strings.len() as u32 - 1
        })
    }

    fn key(&self, node: &Node) -> Key {
        let name = self.first[node.name as usize];
        (name, node.script_id, node.start_position, node.call_line)
    }
}

/// The children of the nodes that are looked at.
struct Children {
    first: Vec<u32>,
    next: Vec<u32>,
    /// Of those nodes that were looked at, by the parent.
    known: HashMap<(u32, Key), u32>,
    is_known: Vec<bool>,
}

impl Children {
    fn of(nodes: &[Node]) -> Children {
        let (first, next) = child_lists(nodes.iter().map(|node| node.parent));
        Children { first, next, known: HashMap::default(), is_known: vec![false; nodes.len()] }
    }

    /// The node that is the same, which is added if it is new.
    fn place(&mut self, nodes: &mut Vec<Node>, node: Node, names: &Names) -> u32 {
        self.learn(node.parent, nodes, names);
        *self.known.entry((node.parent, names.key(&node))).or_insert_with(|| {
            nodes.push(node);
            nodes.len() as u32 - 1
        })
    }

    fn learn(&mut self, parent: u32, nodes: &[Node], names: &Names) {
        // New nodes have none that are not known.
        let Some(is_known @ false) = self.is_known.get_mut(parent as usize) else { return };
        *is_known = true;
        let mut child = self.first[parent as usize];
        while child > 0 {
            let key = (parent, names.key(&nodes[child as usize]));
            self.known.entry(key).or_insert(child);
            child = self.next[child as usize];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Memory, testing};

    /// A heap with `handle` that calls `parse`, in a script that V8 names twice.
    fn heap() -> Profile {
        let mut profile = testing::profile(&[
            (1, 0, "(root)"),
            (2, 0, "handle"),
            (7, 1, "parse"),
            (9, 0, "other"),
        ]);
        let parts = profile.parts_mut();
        let nodes = Arc::make_mut(&mut parts.nodes);
        for (node, end) in nodes.iter_mut().zip([0, 1, 1, 3]) {
            node.allocations_end = end;
        }
        let allocation = |size| Allocation { size, count: 1 };
        parts.allocations = Arc::new([8, 16, 24].map(allocation).to_vec());
        parts.samples = Arc::new(vec![testing::sample(2, 8, 1), testing::sample(9, 16, 1)]);
        profile
    }

    fn function(name: &str, line_number: i32) -> Function {
        let script_name = Text::from("/app/server.js");
        let start = Function { line_number, column_number: 1, ..Function::pseudo(name) };
        Function { script_name, script_id: 7, ..start }
    }

    /// `handle` and `keep`, which it calls from line 12, have Buffers from lines 20 and 30.
    fn sampled() -> Buffers {
        let functions = vec![function("handle", 2), function("keep", 30), Function::pseudo(LEAF)];
        let mut stacks = Tree::with_capacity(0);
        let handle = stacks.child(0, Call { function: 0, line: 0 });
        let own = stacks.child(handle, Call { function: 2, line: 20 });
        let keep = stacks.child(handle, Call { function: 1, line: 12 });
        let kept = stacks.child(keep, Call { function: 2, line: 30 });
        stacks.child(keep, Call { function: 0, line: 31 });
        let buffer = |stack, ordinal, is_live| Buffer {
            size: 1 << 20,
            ordinal: FIRST_ORDINAL + ordinal,
            stack,
            is_live,
        };
        let sampled = vec![buffer(own, 1, true), buffer(kept, 2, true), buffer(kept, 3, false)];
        Buffers { functions, stacks, sampled }
    }

    fn paths(profile: &Profile) -> Vec<String> {
        let name = |node: &Node| profile.strings[node.name as usize].to_utf8().into_owned();
        let mut paths: Vec<String> = Vec::new();
        for node in profile.nodes.iter() {
            let caller = paths.get(node.parent as usize).cloned().unwrap_or_default();
            paths.push(format!("{caller}/{}:{}", name(node), node.call_line));
        }
        paths
    }

    #[test]
    fn buffers_hang_in_the_same_tree() {
        let profile = heap().with_buffers(&sampled(), false);
        assert_eq!(
            paths(&profile),
            [
                "/(root):0",
                "/(root):0/handle:0",
                "/(root):0/handle:0/parse:0",
                "/(root):0/handle:0/(array buffer):20",
                "/(root):0/handle:0/keep:0",
                "/(root):0/handle:0/keep:0/(array buffer):30",
                "/(root):0/other:0",
            ]
        );
        let sizes = |index| -> Vec<u64> {
            profile.allocations_of(index).iter().map(|allocation| allocation.size).collect()
        };
        assert_eq!((sizes(1), sizes(4), sizes(6)), (vec![8], vec![], vec![16, 24]));
        let totals = profile.totals();
        assert_eq!(totals.dropped_samples, 0);
        let mebibyte = estimate::sample_bytes(1 << 20, 524_288);
        assert_eq!(totals.self_sizes[3..6], [mebibyte, 0.0, 2.0 * mebibyte]);
        let mut ids: Vec<u32> = profile.nodes.iter().map(|node| node.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), profile.nodes.len());
    }

    #[test]
    fn calls_from_lines_are_calls_from_lines_where_the_heap_has_them() {
        let profile = heap().with_buffers(&sampled(), true);
        assert!(paths(&profile).contains(&"/(root):0/handle:0/keep:12/(array buffer):30".into()));
    }

    #[test]
    fn each_memory_is_what_it_was_alone() {
        let heap = heap();
        let both = heap.clone().with_buffers(&sampled(), false);
        let again = both.only(Memory::Heap);
        assert_eq!(paths(&again), paths(&heap));
        assert_eq!(again.totals().self_sizes, heap.totals().self_sizes);
        assert_eq!(again.allocations_of(3).len(), 2);
        let buffers = both.only(Memory::Buffers);
        assert_eq!(buffers.samples.len(), 3);
        assert!(!paths(&buffers).iter().any(|path| path.ends_with("/parse:0")));
        let bytes = |profile: &Profile| profile.totals().live_bytes.unwrap();
        assert_eq!(bytes(&both.only(Memory::Both)), bytes(&both));
        assert!((bytes(&again) + bytes(&buffers) - bytes(&both)).abs() < 1e-6);
        assert_eq!(heap.only(Memory::Buffers).nodes.len(), 1);
    }

    #[test]
    fn a_heap_without_samples_gets_them_too() {
        let empty = testing::profile(&[(1, 0, "(root)")]);
        let profile = empty.with_buffers(&sampled(), false);
        assert_eq!((profile.nodes.len(), profile.samples.len()), (5, 3));
        assert_eq!(profile.only(Memory::Heap).nodes.len(), 1);
    }
}
