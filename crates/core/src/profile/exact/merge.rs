//! V8's profile with exact stacks in place of V8's.

use std::sync::Arc;

use foldhash::{HashMap, HashSet};

use super::super::{Metadata, Node, Parts, Profile, Sample, Text};
use super::{Frame, Function, Stacks};

/// The frames of one stack that are compared with those of another: functions of scripts, innermost first.
type Chain<'a> = Vec<&'a Function>;

impl Stacks {
    /// The profile with the exact stack of each sample that has one. A sample keeps V8's stack where
    /// that is not contained in the exact one, frame by frame: code that is older than the session is
    /// unknown to V8's CPU profiler, and its frames are missing there.
    pub fn merged_into(&self, profile: &Profile) -> Profile {
        let sites = Sites::of(profile, self);
        let mut judged: HashMap<(u32, u32), bool> = HashMap::default();
        let mut samples = Vec::with_capacity(profile.samples.len());
        let (mut exact, mut all) = (0, 0);
        for sample in profile.samples.iter() {
            let kept = self.samples.get(&sample.ordinal).filter(|kept| {
                let pair = (sample.node_id, kept.stack);
                *judged.entry(pair).or_insert_with(|| sites.fits(sample.node_id, kept.stack))
            });
            all += u64::from(sample.is_live);
            exact += u64::from(sample.is_live && kept.is_some());
            samples.push(match kept {
                Some(kept) => {
                    Sample { node_id: self.ids[kept.stack as usize], line: kept.line, ..*sample }
                }
                None => *sample,
            });
        }
        let mut metadata = profile.metadata.clone();
        if let Some(exact_stacks) = &mut metadata.exact_stacks {
            exact_stacks.exact_samples = exact;
            exact_stacks.v8_samples = all - exact;
        }
        self.with_nodes(profile, metadata, samples)
    }

    /// The nodes that samples have, V8's first, and the way to them.
    fn with_nodes(&self, profile: &Profile, metadata: Metadata, samples: Vec<Sample>) -> Profile {
        let used: HashSet<u32> = samples.iter().map(|sample| sample.node_id).collect();
        let mut strings = profile.strings.as_ref().clone();
        let mut nodes = used_nodes(&profile.nodes, &used);
        let mut indexes: HashMap<Text, u32> = strings.iter().cloned().zip(0..).collect();
        let mut text = |text: &Text| {
            *indexes.entry(text.clone()).or_insert_with(|| {
                strings.push(text.clone());
                strings.len() as u32 - 1
            })
        };
        let wanted = self.wanted(&used);
        let mut places = vec![0; self.ids.len()];
        for index in self.tree.pre_order().0.into_iter().map(|index| index as usize) {
            let (true, Some(frame)) = (wanted[index], self.tree.keys[index]) else { continue };
            places[index] = nodes.len() as u32;
            let function = &self.functions[frame.function as usize];
            nodes.push(Node {
                id: self.ids[index],
                parent: places[self.tree.parents[index] as usize],
                name: text(&function.name),
                script_name: text(&function.script_name),
                script_id: function.script_id,
                start_position: function.start_position.max(0),
                line_number: function.line_number,
                column_number: function.column_number,
                call_line: frame.call_line,
                allocations_end: 0,
            });
        }
        Profile::from_file(Parts {
            metadata,
            strings: Arc::new(strings),
            nodes: Arc::new(nodes),
            samples: Arc::new(samples),
            ..Parts::clone(profile)
        })
    }

    /// Which nodes of the tree lead to the used ones.
    fn wanted(&self, used: &HashSet<u32>) -> Vec<bool> {
        let mut wanted: Vec<bool> = self.ids.iter().map(|id| used.contains(id)).collect();
        // A node comes after its parent.
        for index in (1..wanted.len()).rev() {
            if wanted[index] {
                wanted[self.tree.parents[index] as usize] = true;
            }
        }
        wanted
    }
}

/// The nodes with those ids and the way to them; the root in any case.
fn used_nodes(nodes: &[Node], used: &HashSet<u32>) -> Vec<Node> {
    let mut wanted: Vec<bool> = nodes.iter().map(|node| used.contains(&node.id)).collect();
    for (index, node) in nodes.iter().enumerate().rev() {
        if wanted[index] {
            wanted[node.parent as usize] = true;
        }
    }
    let mut places = vec![0; nodes.len()];
    let mut kept: Vec<Node> = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        if wanted[index] || index == 0 {
            places[index] = kept.len() as u32;
            kept.push(Node { parent: places[node.parent as usize], ..node.clone() });
        }
    }
    kept
}

/// Both kinds of stacks, to be compared.
struct Sites<'a> {
    profile: &'a Profile,
    /// Index of V8's nodes by id.
    indexes: HashMap<u32, u32>,
    stacks: &'a Stacks,
}

impl<'a> Sites<'a> {
    fn of(profile: &'a Profile, stacks: &'a Stacks) -> Sites<'a> {
        let indexes = profile.nodes.iter().map(|node| node.id).zip(0..).collect();
        Sites { profile, indexes, stacks }
    }

    /// Whether V8's stack is contained in the exact one.
    fn fits(&self, node_id: u32, stack: u32) -> bool {
        let Some(&node) = self.indexes.get(&node_id) else { return false };
        let exact = self.exact_chain(stack);
        let mut rest = exact.as_slice();
        let mut left = self.v8_chain(node).peekable();
        while let Some(node) = left.peek() {
            let is_it = |function: &&Function| self.is_same(node, function);
            let Some(found) = rest.iter().position(is_it) else { break };
            rest = &rest[found + 1..];
            left.next();
        }
        // Both are cut at the same depth, and the exact one has more frames for the same callers: then all
        // that is left of V8's is beyond its end.
        let was_cut = self.depth_of(stack) == self.stacks.depth;
        let is_beyond = |node: &Node| !rest.iter().any(|function| self.is_same(node, function));
        !exact.is_empty() && (left.peek().is_none() || was_cut && left.all(is_beyond))
    }

    /// V8's frames that are of scripts, the innermost first.
    fn v8_chain(&self, node: u32) -> impl Iterator<Item = &'a Node> {
        let nodes: &'a [Node] = &self.profile.nodes;
        let start = &nodes[node as usize];
        let next = |node: &&'a Node| {
            let parent = &nodes[node.parent as usize];
            (!std::ptr::eq(parent, *node)).then_some(parent)
        };
        std::iter::successors(Some(start), next).filter(|node| node.script_id != 0)
    }

    fn exact_chain(&self, stack: u32) -> Chain<'a> {
        let functions = &self.stacks.functions;
        let frames = self.frames(stack).map(|frame| &functions[frame.function as usize]);
        frames.filter(|function| function.script_id != 0).collect()
    }

    fn depth_of(&self, stack: u32) -> usize {
        self.frames(stack).count()
    }

    fn frames(&self, stack: u32) -> impl Iterator<Item = Frame> {
        let tree = &self.stacks.tree;
        let nodes = std::iter::successors(Some(stack), move |&node| {
            (node != 0).then(|| tree.parents[node as usize])
        });
        nodes.map_while(move |node| tree.keys[node as usize])
    }

    fn is_same(&self, node: &Node, function: &Function) -> bool {
        node.script_id == function.script_id
            && match function.start_position {
                -1 => {
                    self.profile.strings[node.name as usize] == function.name
                        && node.column_number == function.column_number
                }
                position => node.start_position == position,
            }
    }
}
