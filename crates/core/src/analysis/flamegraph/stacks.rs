//! The call trees that a flame graph is made of, and what is known of each node.

use std::iter::successors;
use std::ops::AddAssign;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::branches::Branch;
use crate::analysis::diff::{Change, compare};
use crate::analysis::frames::FrameTable;
use crate::analysis::interval::Interval;
use crate::analysis::tally::Tally;
use crate::analysis::top::{Holding, hold};
use crate::profile::Profile;
use crate::profile::lines::ByLine;
use crate::profile::tree::Tree;

/// What something holds, and how that changed since the base.
#[derive(Clone, Copy, Debug, Default)]
pub struct Held {
    now: Holding,
    change: Change,
}

impl Held {
    /// Sampled objects of the profile behind it.
    pub fn sample_count(&self) -> u64 {
        self.now.sample_count()
    }
}

impl AddAssign for Held {
    fn add_assign(&mut self, other: Held) {
        self.now += other.now;
        self.change += other.change;
    }
}

/// Which intervals can be told.
#[derive(Clone, Copy)]
pub struct Knowledge {
    is_sampled: bool,
    /// Whether growth's can; none without a base.
    growth: Option<bool>,
}

impl Knowledge {
    pub fn of(profile: &Profile, base: Option<&Profile>) -> Knowledge {
        let is_sampled = profile.interval().is_some();
        let growth = base.map(|base| is_sampled && base.interval().is_some());
        Knowledge { is_sampled, growth }
    }

    pub fn bytes(self, held: &Held) -> Interval {
        held.now.bytes(self.is_sampled)
    }

    /// Whether growth is known with its interval.
    pub fn tells_growth(self) -> bool {
        self.growth == Some(true)
    }

    pub fn growth(self, held: &Held) -> Option<Interval> {
        self.growth.map(|is_sampled| held.change.growth(is_sampled))
    }
}

/// A function by its number, and the line of it that allocates or calls; 0 for unknown.
pub type Place = (u32, i32);

/// The call trees of the profile and the base in one, merged by place.
pub struct Stacks {
    pub tree: Tree<Place>,
    /// The nodes that each node calls.
    calls: Vec<Vec<u32>>,
    /// What each node holds itself.
    pub own: Vec<Held>,
    /// With all that it calls.
    pub totals: Vec<Held>,
}

impl Stacks {
    pub fn of(profile: &Profile, base: Option<&Profile>, frames: &mut FrameTable) -> Stacks {
        let by_line = ByLine::of(profile);
        let base_by_line = base.map(ByLine::of);
        let profile = by_line.profile();
        let mut tree = Tree::with_capacity(profile.nodes.len());
        let of_nodes = merge(&mut tree, &by_line, frames);
        let of_base = base_by_line
            .as_ref()
            .map(|by_line| (by_line.profile(), merge(&mut tree, by_line, frames)));
        let count = tree.parents.len();
        let (holdings, _) = hold(profile, Tally::new(profile, &of_nodes, count, false));
        let mut own: Vec<Held> =
            holdings.into_iter().map(|now| Held { now, change: Change::default() }).collect();
        if let Some((base, of_base)) = of_base {
            let tally = |profile, of_nodes| Tally::new(profile, of_nodes, count, false);
            let tallies = (tally(base, &of_base), tally(profile, &of_nodes));
            let (changes, _) = compare((base, profile), tallies);
            own.iter_mut().zip(changes).for_each(|(held, change)| held.change = change);
        }
        let mut calls = vec![Vec::new(); count];
        for node in (1..count).rev() {
            calls[tree.parents[node] as usize].push(node as u32);
        }
        let totals = add_up(&tree, &own);
        Stacks { tree, calls, own, totals }
    }

    /// The same without what was allocated at start-up, while modules were loaded; none if that is
    /// nothing.
    pub fn without_start_up(mut self, frames: &FrameTable) -> Option<Stacks> {
        let mut is_loading = vec![false; self.own.len()];
        let mut found = false;
        for node in 1..self.own.len() {
            let by_caller = is_loading[self.tree.parents[node] as usize];
            let loads = |frame| frames.get(frame).loads_modules();
            is_loading[node] = by_caller || self.frame(node as u32).is_some_and(loads);
            if is_loading[node] {
                found |= self.own[node].now.bytes(false).estimate > 0.0;
                self.own[node] = Held::default();
            }
        }
        self.totals = add_up(&self.tree, &self.own);
        found.then_some(self)
    }

    pub fn place(&self, node: u32) -> Option<Place> {
        self.tree.keys[node as usize]
    }

    pub fn frame(&self, node: u32) -> Option<u32> {
        self.place(node).map(|(frame, _)| frame)
    }

    /// The functions that lead to a node, the nearest first.
    pub fn callers(&self, node: u32) -> impl Iterator<Item = u32> {
        let caller = |&node: &u32| Some(self.tree.parents[node as usize]);
        successors(caller(&node), caller).map_while(|node| self.frame(node))
    }

    pub fn calls_of(&self, node: u32) -> Vec<Branch<u32>> {
        let calls = self.calls[node as usize].iter();
        let branch = |&source| Branch {
            place: self.place(source),
            held: self.totals[source as usize],
            source,
        };
        calls.map(branch).collect()
    }

    /// Of each node the one that it counts for where some functions are hidden: itself, or the nearest
    /// caller that is shown; the root where there is none.
    pub fn shown(&self, is_hidden: impl Fn(u32) -> bool) -> Vec<u32> {
        let mut shown: Vec<u32> = vec![0];
        // Callers come before what they call.
        for node in 1..self.own.len() as u32 {
            let by_caller = shown[self.tree.parents[node as usize] as usize];
            shown.push(if self.frame(node).is_some_and(&is_hidden) { by_caller } else { node });
        }
        shown
    }

    /// The nodes that allocate, as the starts of ways up.
    pub fn leaves(&self) -> Vec<WayUp> {
        let nodes = 0..self.own.len() as u32;
        let all = nodes.map(|node| WayUp { leaf: node, at: node });
        all.filter(|way| self.own[way.leaf as usize].now.bytes(true).estimate > 0.0).collect()
    }

    /// The places where these ways stand, each with its ways, which then go on to its callers. Ways
    /// lead over nodes that are shown.
    pub fn callers_of(&self, ways: Vec<WayUp>, shown: &[u32]) -> Vec<Branch<Vec<WayUp>>> {
        let mut branches: IndexMap<Place, Branch<Vec<WayUp>>, FxBuildHasher> = IndexMap::default();
        for WayUp { leaf, at } in ways {
            let at = shown[at as usize];
            let Some(place) = self.place(at) else { continue };
            let new = || Branch { place: Some(place), held: Held::default(), source: Vec::new() };
            let branch = branches.entry(place).or_insert_with(new);
            branch.held += self.own[leaf as usize];
            branch.source.push(WayUp { leaf, at: self.tree.parents[at as usize] });
        }
        branches.into_values().collect()
    }
}

/// What each node holds with all that it calls.
fn add_up(tree: &Tree<Place>, own: &[Held]) -> Vec<Held> {
    let mut totals = own.to_vec();
    // Callees come after their callers: backwards, each is complete when it is added.
    for node in (1..totals.len()).rev() {
        let held = totals[node];
        totals[tree.parents[node] as usize] += held;
    }
    totals
}

/// Adds the profile's nodes to the tree; where each of them is there.
fn merge(tree: &mut Tree<Place>, by_line: &ByLine<'_>, frames: &mut FrameTable) -> Vec<u32> {
    let profile = by_line.profile();
    let frames = frames.of_nodes(profile);
    let mut merged: Vec<u32> = vec![0];
    for (index, node) in profile.nodes.iter().enumerate().skip(1) {
        let place = (frames[index], by_line.line(index));
        merged.push(tree.child(merged[node.parent as usize], place));
    }
    merged
}

/// A way from a node that allocates to the root, and how far it got.
pub struct WayUp {
    leaf: u32,
    at: u32,
}
