//! Sums by site of what nodes allocate.

use std::ops::AddAssign;

use crate::profile::path::Path;
use crate::profile::{Node, Profile};

/// Adds up by site what nodes allocate.
pub struct Tally<'a, T> {
    nodes: &'a [Node],
    of_nodes: &'a [u32],
    /// How many sites there are.
    count: usize,
    /// Whether sites count what they call, too.
    total: bool,
    /// By site, or by node if sites are yet to count what they call.
    sums: Vec<T>,
}

impl<'a, T: AddAssign + Copy + Default> Tally<'a, T> {
    /// For a profile whose nodes belong to these sites, of which there are `count`.
    pub fn new(profile: &'a Profile, of_nodes: &'a [u32], count: usize, total: bool) -> Self {
        let places = if total { of_nodes.len() } else { count };
        Tally { nodes: &profile.nodes, of_nodes, count, total, sums: vec![T::default(); places] }
    }

    /// What to add to that a node allocates.
    pub fn at(&mut self, node: u32) -> &mut T {
        let place = if self.total { node } else { self.of_nodes[node as usize] };
        &mut self.sums[place as usize]
    }

    /// What each site has.
    pub fn by_site(mut self) -> Vec<T> {
        if !self.total {
            return self.sums;
        }
        // Callees come after their callers: backwards, each is complete when it is added.
        for node in (1..self.nodes.len()).rev() {
            let sum = self.sums[node];
            self.sums[self.nodes[node].parent as usize] += sum;
        }
        let mut sites = vec![T::default(); self.count];
        let mut open = OpenCalls::new(self.count);
        for (index, (node, &site)) in self.nodes.iter().zip(self.of_nodes).enumerate() {
            if open.enter(index as u32, node.parent, site) {
                sites[site as usize] += self.sums[index];
            }
        }
        sites
    }
}

/// The calls that lead to a node, on a walk through a tree in pre-order: what calls itself, near or
/// far, counts once.
pub struct OpenCalls {
    /// Nodes with their sites.
    calls: Path<u32>,
    /// How often each site is among them.
    times: Vec<u32>,
}

impl OpenCalls {
    /// At the start of the walk. `count` is the number of sites.
    pub fn new(count: usize) -> OpenCalls {
        OpenCalls { calls: Path::default(), times: vec![0; count] }
    }

    /// Goes on to the next node: whether its site is not among those that lead to it.
    pub fn enter(&mut self, node: u32, parent: u32, site: u32) -> bool {
        while let Some(left) = self.calls.leave(parent) {
            self.times[left as usize] -= 1;
        }
        self.calls.enter(node, parent, site);
        self.times[site as usize] += 1;
        self.times[site as usize] == 1
    }
}
