//! Exact stacks: those in which functions that V8 inlined have frames of their own, and the lines of
//! calls and allocations are known. They are kept beside V8's profile, by the ordinals of its samples,
//! and put into a copy of it at each capture.

mod merge;

use foldhash::HashMap;
use indexmap::IndexSet;

use super::{Text, tree::Tree};

/// A function, as V8 knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Function {
    /// Its name.
    pub name: Text,
    /// Name or URL of its script.
    pub script_name: Text,
    /// V8's id of the script; 0 for V8's own functions.
    pub script_id: i32,
    /// Where it starts, in UTF-16 code units from the start of the script; -1 for unknown.
    pub start_position: i32,
    /// The line where it starts, 1-based, 0 for unknown.
    pub line_number: i32,
    /// The column where it starts, 1-based, 0 for unknown.
    pub column_number: i32,
}

/// A frame without its callers: the index of its function, and the line in the caller where it was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    /// What [`Stacks::function`] gave.
    pub function: u32,
    /// 1-based, 0 for unknown.
    pub call_line: i32,
}

/// What is kept of a sample.
#[derive(Clone, Copy, Debug)]
struct Kept {
    stack: u32,
    line: i32,
}

/// The exact stacks of samples that may still be alive.
#[derive(Debug)]
pub struct Stacks {
    /// Frames kept of each stack.
    depth: usize,
    functions: IndexSet<Function, foldhash::fast::RandomState>,
    tree: Tree<Frame>,
    /// The id of each node of the tree: that of a node in the profiles, never used twice.
    ids: Vec<u32>,
    next_id: u32,
    /// By ordinal.
    samples: HashMap<u64, Kept>,
}

/// V8 counts its nodes from 1; it is far from here.
const FIRST_ID: u32 = 1 << 30;

impl Stacks {
    /// None yet; of each stack so many frames will be kept.
    pub fn new(depth: u32) -> Stacks {
        Stacks {
            depth: depth as usize,
            functions: IndexSet::default(),
            tree: Tree::with_capacity(0),
            ids: vec![0],
            next_id: FIRST_ID,
            samples: HashMap::default(),
        }
    }

    /// The index of a function.
    pub fn function(&mut self, function: Function) -> u32 {
        self.functions.insert_full(function).0 as u32
    }

    /// The index of a stack, the innermost frame first.
    pub fn stack(&mut self, frames: &[Frame]) -> u32 {
        let kept = &frames[..frames.len().min(self.depth)];
        let outermost = kept.len().wrapping_sub(1);
        let mut node = 0;
        for (index, &frame) in kept.iter().enumerate().rev() {
            // The line of a call in a frame that was cut off means nothing.
            let call_line = if index == outermost { 0 } else { frame.call_line };
            node = self.tree.child(node, Frame { call_line, ..frame });
        }
        self.name_nodes();
        node
    }

    fn name_nodes(&mut self) {
        while self.ids.len() < self.tree.parents.len() {
            self.ids.push(self.next_id);
            self.next_id = self.next_id.saturating_add(1);
        }
    }

    /// Remembers the stack of a sample, and the line of the allocation in its innermost frame, 1-based, 0
    /// for unknown.
    pub fn remember(&mut self, ordinal: u64, stack: u32, line: i32) {
        self.samples.insert(ordinal, Kept { stack, line });
    }

    /// How many samples are remembered.
    pub fn samples_count(&self) -> usize {
        self.samples.len()
    }

    /// Forgets the samples up to `last` that are not among those, and stacks and functions that none has.
    pub fn forget_dead(&mut self, alive: impl Iterator<Item = u64>, last: u64) {
        let mut kept = HashMap::default();
        for ordinal in alive {
            if let Some(sample) = self.samples.remove(&ordinal) {
                kept.insert(ordinal, sample);
            }
        }
        kept.extend(self.samples.drain().filter(|&(ordinal, _)| ordinal > last));
        self.samples = kept;
        self.rebuild();
    }

    /// Only the stacks that samples have, under the ids that they have.
    fn rebuild(&mut self) {
        let old = std::mem::replace(&mut self.tree, Tree::with_capacity(0));
        let old_ids = std::mem::replace(&mut self.ids, vec![0]);
        let old_functions = std::mem::take(&mut self.functions);
        let mut places = vec![None; old.parents.len()];
        places[0] = Some(0);
        for sample in self.samples.values_mut() {
            let mut way = Vec::new();
            let mut node = sample.stack as usize;
            while places[node].is_none() {
                way.push(node);
                node = old.parents[node] as usize;
            }
            for &node in way.iter().rev() {
                let parent = places[old.parents[node] as usize].unwrap_or_default();
                let Some(frame) = old.keys[node] else { continue };
                let function = old_functions[frame.function as usize].clone();
                let function = self.functions.insert_full(function).0 as u32;
                places[node] = Some(self.tree.child(parent, Frame { function, ..frame }));
                self.ids.push(old_ids[node]);
            }
            sample.stack = places[sample.stack as usize].unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests;
