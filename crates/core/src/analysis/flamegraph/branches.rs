//! A tree that is made as far as it is looked at: the largest branch next, until there are enough nodes.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use indexmap::IndexMap;

use super::stacks::{Held, Knowledge, Place};
use super::{FlameNode, MAX_DEPTH};

/// Frames in each tree: those that hold most. On a screen there is room for fewer.
pub const MAX_NODES: usize = 10_000;

/// A node of a tree that is made as far as it is looked at.
pub struct Branch<T> {
    pub place: Option<Place>,
    pub held: Held,
    /// What its children are made of.
    pub source: T,
}

pub fn root<T>(held: Held, source: T) -> Branch<T> {
    Branch { place: None, held, source }
}

/// A branch that may or may not become a node.
struct Candidate<T> {
    bytes: f64,
    parent: u32,
    depth: u32,
    branch: Branch<T>,
}

impl<T> Ord for Candidate<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bytes.total_cmp(&other.bytes)
    }
}

impl<T> PartialOrd for Candidate<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Candidate<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Candidate<T> {}

/// The nodes that hold most, at most `max`. The others are folded into one under each node that has such.
pub fn largest<T>(
    root: Branch<T>,
    mut children: impl FnMut(T) -> Vec<Branch<T>>,
    known: Knowledge,
    max: usize,
) -> Vec<FlameNode> {
    let mut nodes = Vec::new();
    let mut folds: IndexMap<u32, (u32, Held)> = IndexMap::new();
    let mut fold = |parent: u32, held: Held| {
        let folded = folds.entry(parent).or_default();
        folded.0 += 1;
        folded.1 += held;
    };
    let mut candidates =
        BinaryHeap::from([Candidate { bytes: f64::INFINITY, parent: 0, depth: 0, branch: root }]);
    while let Some(Candidate { parent, depth, branch, .. }) = candidates.pop() {
        if nodes.len() == max || depth == MAX_DEPTH {
            fold(parent, branch.held);
            continue;
        }
        let index = nodes.len() as u32;
        nodes.push(node(parent, branch.place, 0, &branch.held, known));
        for branch in children(branch.source) {
            let bytes = known.bytes(&branch.held).estimate;
            if bytes > 0.0 {
                candidates.push(Candidate { bytes, parent: index, depth: depth + 1, branch });
            }
        }
    }
    for (parent, (count, held)) in folds {
        nodes.push(node(parent, None, count, &held, known));
    }
    nodes
}

fn node(
    parent: u32,
    place: Option<Place>,
    folded: u32,
    held: &Held,
    known: Knowledge,
) -> FlameNode {
    FlameNode {
        parent,
        frame: place.map(|(frame, _)| frame),
        line: place.map_or(0, |(_, line)| line),
        folded,
        bytes: known.bytes(held),
        growth: known.growth(held),
    }
}
