//! The part of a profile that is of one kind of memory: V8's heap, or what Buffers hold outside of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::buffers::LEAF;
use super::{Node, Parts, Profile, Thread};

/// Which memory is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Memory {
    /// Objects on V8's heap.
    Heap,
    /// Buffers, outside of it.
    Buffers,
    /// All that was sampled.
    #[default]
    Both,
}

/// What hangs below a node, itself included.
#[derive(Clone, Copy, Default)]
struct Below {
    buffers: bool,
    heap: bool,
}

impl Profile {
    /// Whether each node is a leaf that Buffers hang at.
    pub fn buffer_leaves(&self) -> Vec<bool> {
        let leaves: Vec<bool> = self.strings.iter().map(|name| *name == LEAF.into()).collect();
        let is_leaf = |node: &Node| leaves[node.name as usize] && node.line_number <= 0;
        self.nodes.iter().map(is_leaf).collect()
    }

    /// Whether Buffers hang at any of its nodes.
    pub fn has_buffers(&self) -> bool {
        self.buffer_leaves().contains(&true)
    }

    /// With the samples of that memory, and the nodes that lead to them. What has nothing of either kind
    /// stays with the heap.
    pub fn only(&self, memory: Memory) -> Profile {
        let is_leaf = self.buffer_leaves();
        if memory == Memory::Both || memory == Memory::Heap && !is_leaf.contains(&true) {
            return self.clone();
        }
        let below = self.below(&is_leaf);
        let stays = |node: usize| match memory {
            Memory::Heap => below[node].heap || !below[node].buffers,
            _ => below[node].buffers,
        };
        let counts = |node: usize| is_leaf[node] == (memory == Memory::Buffers);
        let mut part = self.with_nodes(|node| node == 0 || stays(node), counts);
        if memory == Memory::Heap {
            part.parts_mut().metadata.external_memory = None;
        }
        part
    }

    fn below(&self, is_leaf: &[bool]) -> Vec<Below> {
        let mut below = vec![Below::default(); self.nodes.len()];
        let sampled = self.totals().sample_nodes.iter().flatten().copied();
        for node in sampled.chain(self.stated.iter().map(|stated| stated.node)) {
            below[node as usize].heap |= !is_leaf[node as usize];
        }
        for (node, &is_leaf) in is_leaf.iter().enumerate().skip(1).rev() {
            below[node].buffers |= is_leaf;
            let own = below[node];
            let parent = &mut below[self.nodes[node].parent as usize];
            parent.buffers |= own.buffers;
            parent.heap |= own.heap;
        }
        below
    }

    /// With some of the nodes, of which the root is one, and what some of them hold.
    fn with_nodes(&self, stays: impl Fn(usize) -> bool, counts: impl Fn(usize) -> bool) -> Profile {
        let mut places = vec![0; self.nodes.len()];
        let (mut nodes, mut allocations) = (Vec::new(), Vec::new());
        let mut start = 0;
        for (index, node) in self.nodes.iter().enumerate() {
            let own = start..node.allocations_end as usize;
            start = own.end;
            if !stays(index) {
                continue;
            }
            places[index] = nodes.len() as u32;
            if counts(index) {
                allocations.extend_from_slice(&self.allocations[own]);
            }
            let parent = places[node.parent as usize];
            nodes.push(Node { parent, allocations_end: allocations.len() as u32, ..node.clone() });
        }
        let nodes_of = self.totals().sample_nodes.iter();
        let counted =
            |&(_, node): &(_, &Option<u32>)| node.is_some_and(|node| counts(node as usize));
        let samples = self.samples.iter().zip(nodes_of).filter(counted);
        let stated = self.stated.iter().filter(|stated| counts(stated.node as usize)).cloned();
        let stated = stated.map(|mut stated| {
            stated.node = places[stated.node as usize];
            stated
        });
        let threads = self.threads.iter().filter(|thread| stays(thread.node as usize));
        let threads =
            threads.map(|thread| Thread { node: places[thread.node as usize], ..*thread });
        Profile::new(Parts {
            threads: Arc::new(threads.collect()),
            nodes: nodes.into(),
            allocations: allocations.into(),
            samples: samples.map(|(sample, _)| *sample).collect::<Vec<_>>().into(),
            stated: Arc::new(stated.collect()),
            ..Parts::clone(self)
        })
    }
}
