//! Ways from functions up to the root of a call tree, the same for several profiles.

use std::iter::successors;

use foldhash::fast::RandomState;
use indexmap::IndexSet;

use crate::profile::Node;

/// The way from the root.
pub const NO_WAY: u32 = u32::MAX;

/// A place in a function and the rest of the way, which many share: each on its own would take memory in proportion
/// to the square of the depth, and each profile's to their number.
#[derive(Debug, Default)]
pub struct Ways(IndexSet<(u32, u32), RandomState>);

impl Ways {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The way from a node of a profile. `known` are those from its nodes, [`NO_WAY`] if there is none yet
    /// and from the root.
    pub fn from(&mut self, node: u32, nodes: &[Node], places: &[u32], known: &mut [u32]) -> u32 {
        let mut new = Vec::new();
        let mut at = node as usize;
        while at != 0 && known[at] == NO_WAY {
            new.push(at);
            at = nodes[at].parent as usize;
        }
        let mut way = known[at];
        for at in new.into_iter().rev() {
            way = self.0.insert_full((places[at], way)).0 as u32;
            known[at] = way;
        }
        way
    }

    /// The places on the way, the nearest first.
    pub fn up(&self, way: u32) -> impl Iterator<Item = u32> {
        let step = |way: u32| self.0.get_index(way as usize);
        successors(step(way), move |&&(_, rest)| step(rest)).map(|&(place, _)| place)
    }

    /// Which of them have such a place, by number.
    pub fn through(&self, is_such: impl Fn(u32) -> bool) -> Vec<bool> {
        let mut lead: Vec<bool> = Vec::with_capacity(self.len());
        for &(place, rest) in &self.0 {
            // A way comes after the rest of it.
            let is_through = is_such(place) || lead.get(rest as usize).is_some_and(|&leads| leads);
            lead.push(is_through);
        }
        lead
    }
}
