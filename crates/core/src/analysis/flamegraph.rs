//! What a flame graph shows: a tree of calls, the same from the allocating functions up, and a table
//! of functions; as little of them as one can look at, whatever the profile's size.
//!
//! Trees are lists of nodes, each after its caller: nothing that writes or reads them has to recurse.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ops::AddAssign;
use std::sync::Arc;

use indexmap::{IndexMap, IndexSet};
use rustc_hash::FxBuildHasher;
use serde::Serialize;

use super::diff::{Change, compare};
use super::frames::{Frame, FrameTable, package_of};
use super::interval::Interval;
use super::tally::{OpenCalls, Tally};
use super::top::{Holding, hold};
use crate::profile::Profile;
use crate::profile::tree::Tree;

/// FrameTable in each tree: those that hold most. On a screen there is room for fewer.
const MAX_NODES: usize = 10_000;
/// Frames on top of each other, as many as V8 is asked for at most; the page recurses this deep.
pub const MAX_DEPTH: u32 = 1024;
/// Rows of the table.
const MAX_FUNCTIONS: usize = 1000;

/// All that the page shows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FlameGraph {
    /// When the profile was taken, milliseconds since 1970; none if it does not tell.
    pub taken_at: Option<f64>,
    /// All live bytes.
    pub bytes: Interval,
    /// Their growth; none without a base.
    pub growth: Option<Interval>,
    /// The functions that the rest refers to by index.
    pub frames: Vec<FlameFrame>,
    /// From the root to the functions that allocate.
    pub calls: Vec<FlameNode>,
    /// From the functions that allocate to their callers.
    pub callers: Vec<FlameNode>,
    /// Those that hold most with all that they call first.
    pub functions: Vec<FlameFunction>,
    /// Functions that hold something and are not in the table.
    pub omitted_functions: usize,
}

/// A function and whose code it is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FlameFrame {
    /// The function.
    #[serde(flatten)]
    pub frame: Arc<Frame>,
    /// A package in node_modules, Node.js itself, or the application.
    pub package: String,
}

/// A node of a tree. The first one is the root.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FlameNode {
    /// Index of the node that it belongs under; the root's is its own, 0.
    pub parent: u32,
    /// Index of its function; none of the root, and of what stands for several.
    pub frame: Option<u32>,
    /// How many small nodes it stands for; 0 if it is a function's.
    pub folded: u32,
    /// Live bytes of it and of all that is under it.
    pub bytes: Interval,
    /// Their growth; none without a base.
    pub growth: Option<Interval>,
}

/// A row of the table.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FlameFunction {
    /// Index of the function.
    pub frame: u32,
    /// Live bytes that it allocated.
    pub own: Interval,
    /// With those of all that it calls.
    pub total: Interval,
    /// Growth of the total; none without a base.
    pub growth: Option<Interval>,
}

/// What something holds, and how that changed since the base.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    now: Holding,
    change: Change,
}

impl AddAssign for Held {
    fn add_assign(&mut self, other: Held) {
        self.now += other.now;
        self.change += other.change;
    }
}

/// Which intervals can be told.
#[derive(Clone, Copy)]
struct Knowledge {
    is_sampled: bool,
    /// Whether growth's can; none without a base.
    growth: Option<bool>,
}

impl Knowledge {
    fn of(profile: &Profile, base: Option<&Profile>) -> Knowledge {
        let is_sampled = profile.interval().is_some();
        let growth = base.map(|base| is_sampled && base.interval().is_some());
        Knowledge { is_sampled, growth }
    }

    fn bytes(self, held: &Held) -> Interval {
        held.now.bytes(self.is_sampled)
    }

    fn growth(self, held: &Held) -> Option<Interval> {
        self.growth.map(|is_sampled| held.change.growth(is_sampled))
    }
}

/// The flame graph of a profile, with what grew since the base.
pub fn flamegraph(profile: &Profile, base: Option<&Profile>) -> FlameGraph {
    let mut frames = FrameTable::default();
    let stacks = Stacks::of(profile, base, &mut frames);
    let known = Knowledge::of(profile, base);
    let all = stacks.totals[0];
    let (functions, omitted_functions) = functions(&stacks, frames.len(), known);
    let calls = largest(root(all, 0), |node| stacks.calls_of(node), known);
    let callers = largest(root(all, stacks.leaves()), |leaves| stacks.callers_of(leaves), known);
    let mut graph = FlameGraph {
        taken_at: profile.metadata.taken_at.map(|time| time.timestamp_millis() as f64),
        bytes: known.bytes(&all),
        growth: known.growth(&all),
        frames: Vec::new(),
        calls,
        callers,
        functions,
        omitted_functions,
    };
    graph.keep_frames(&frames);
    graph
}

impl FlameGraph {
    /// Takes the functions over that are referred to.
    fn keep_frames(&mut self, all: &FrameTable) {
        let mut used: IndexSet<u32> = IndexSet::new();
        let nodes = self.calls.iter_mut().chain(&mut self.callers);
        let of_nodes = nodes.filter_map(|node| node.frame.as_mut());
        for frame in of_nodes.chain(self.functions.iter_mut().map(|row| &mut row.frame)) {
            *frame = used.insert_full(*frame).0 as u32;
        }
        let described = used.into_iter().map(|number| {
            let frame = all.get(number).clone();
            FlameFrame { package: package_of(&frame.url).to_owned(), frame }
        });
        self.frames = described.collect();
    }
}

/// The call trees of the profile and the base in one, merged by function.
struct Stacks {
    tree: Tree<u32>,
    /// The nodes that each node calls.
    calls: Vec<Vec<u32>>,
    /// What each node holds itself.
    own: Vec<Held>,
    /// With all that it calls.
    totals: Vec<Held>,
}

impl Stacks {
    fn of(profile: &Profile, base: Option<&Profile>, frames: &mut FrameTable) -> Stacks {
        let mut tree = Tree::with_capacity(profile.nodes.len());
        let of_nodes = merge(&mut tree, profile, frames);
        let of_base = base.map(|base| (base, merge(&mut tree, base, frames)));
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
        let (mut totals, mut calls) = (own.clone(), vec![Vec::new(); count]);
        // Callees come after their callers: backwards, each is complete when it is added.
        for node in (1..count).rev() {
            let (parent, held) = (tree.parents[node] as usize, totals[node]);
            totals[parent] += held;
            calls[parent].push(node as u32);
        }
        Stacks { tree, calls, own, totals }
    }

    fn frame(&self, node: u32) -> Option<u32> {
        self.tree.keys[node as usize]
    }

    fn calls_of(&self, node: u32) -> Vec<Branch<u32>> {
        let calls = self.calls[node as usize].iter();
        let branch = |&source| Branch {
            frame: self.frame(source),
            held: self.totals[source as usize],
            source,
        };
        calls.map(branch).collect()
    }

    /// The nodes that allocate, as the starts of ways up.
    fn leaves(&self) -> Vec<WayUp> {
        let nodes = 0..self.own.len() as u32;
        let all = nodes.map(|node| WayUp { leaf: node, at: node });
        all.filter(|way| self.own[way.leaf as usize].now.bytes(true).estimate > 0.0).collect()
    }

    /// The functions where these ways stand, each with its ways, which then go on to its callers.
    fn callers_of(&self, ways: Vec<WayUp>) -> Vec<Branch<Vec<WayUp>>> {
        let mut branches: IndexMap<u32, Branch<Vec<WayUp>>, FxBuildHasher> = IndexMap::default();
        for WayUp { leaf, at } in ways {
            let Some(frame) = self.frame(at) else { continue };
            let new = || Branch { frame: Some(frame), held: Held::default(), source: Vec::new() };
            let branch = branches.entry(frame).or_insert_with(new);
            branch.held += self.own[leaf as usize];
            branch.source.push(WayUp { leaf, at: self.tree.parents[at as usize] });
        }
        branches.into_values().collect()
    }
}

/// Adds the profile's nodes to the tree; where each of them is there.
fn merge(tree: &mut Tree<u32>, profile: &Profile, frames: &mut FrameTable) -> Vec<u32> {
    let frames = frames.of_nodes(profile);
    let mut merged: Vec<u32> = vec![0];
    for (node, &frame) in profile.nodes.iter().zip(&frames).skip(1) {
        merged.push(tree.child(merged[node.parent as usize], frame));
    }
    merged
}

/// A way from a node that allocates to the root, and how far it got.
struct WayUp {
    leaf: u32,
    at: u32,
}

/// A node of a tree that is made as far as it is looked at.
struct Branch<T> {
    frame: Option<u32>,
    held: Held,
    /// What its children are made of.
    source: T,
}

fn root<T>(held: Held, source: T) -> Branch<T> {
    Branch { frame: None, held, source }
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

/// The nodes that hold most. The others are folded into one under each node that has such.
fn largest<T>(
    root: Branch<T>,
    mut children: impl FnMut(T) -> Vec<Branch<T>>,
    known: Knowledge,
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
        if nodes.len() == MAX_NODES || depth == MAX_DEPTH {
            fold(parent, branch.held);
            continue;
        }
        let index = nodes.len() as u32;
        nodes.push(node(parent, branch.frame, 0, &branch.held, known));
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

fn node(parent: u32, frame: Option<u32>, folded: u32, held: &Held, known: Knowledge) -> FlameNode {
    FlameNode { parent, frame, folded, bytes: known.bytes(held), growth: known.growth(held) }
}

/// The table, and how many functions it leaves out.
fn functions(stacks: &Stacks, count: usize, known: Knowledge) -> (Vec<FlameFunction>, usize) {
    let (own, totals) = sum_by_function(stacks, count);
    let rows = (0..).zip(own.iter().zip(&totals)).map(|(frame, (own, total))| FlameFunction {
        frame,
        own: known.bytes(own),
        total: known.bytes(total),
        growth: known.growth(total),
    });
    let mut rows: Vec<FlameFunction> = rows.filter(|row| row.total.estimate > 0.0).collect();
    rows.sort_by(|one, other| other.total.estimate.total_cmp(&one.total.estimate));
    let omitted = rows.len().saturating_sub(MAX_FUNCTIONS);
    rows.truncate(MAX_FUNCTIONS);
    (rows, omitted)
}

/// What each function holds itself, and with all that it calls.
fn sum_by_function(stacks: &Stacks, count: usize) -> (Vec<Held>, Vec<Held>) {
    let (mut own, mut totals) = (vec![Held::default(); count], vec![Held::default(); count]);
    let mut open = OpenCalls::new(count);
    for node in stacks.tree.pre_order().0 {
        let Some(frame) = stacks.frame(node) else { continue };
        own[frame as usize] += stacks.own[node as usize];
        if open.enter(node, stacks.tree.parents[node as usize], frame) {
            totals[frame as usize] += stacks.totals[node as usize];
        }
    }
    (own, totals)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Call, profile};
    use super::*;

    const fn call(caller: u32, name: &'static str, samples: &'static [(u64, u64)]) -> Call {
        Call { caller, name, url: "/app/a.js", samples }
    }

    const CALLS: [Call; 5] = [
        call(0, "main", &[(64, 1)]),
        call(1, "load", &[(64, 2), (64, 3)]),
        call(2, "main", &[(64, 4)]),
        call(0, "main", &[(64, 5)]),
        call(0, "idle", &[]),
    ];

    /// Each node as its names from the root, and its samples.
    fn paths(graph: &FlameGraph, nodes: &[FlameNode]) -> Vec<(String, u32)> {
        let mut names: Vec<String> = Vec::new();
        for node in nodes {
            let name = match node.frame {
                Some(frame) => graph.frames[frame as usize].frame.function_name.clone(),
                None => format!("({})", node.folded),
            };
            let parent = names.get(node.parent as usize).map(|parent| format!("{parent} "));
            names.push(parent.unwrap_or_default() + &name);
        }
        let one = graph.bytes.estimate / 5.0;
        let samples = nodes.iter().map(|node| (node.bytes.estimate / one).round() as u32);
        let mut paths: Vec<_> = names.into_iter().zip(samples).collect();
        paths.sort();
        paths
    }

    fn path(names: &str, samples: u32) -> (String, u32) {
        (names.to_owned(), samples)
    }

    #[test]
    fn merges_calls_by_function_both_ways() {
        let graph = flamegraph(&profile(&CALLS), None);
        assert_eq!(
            paths(&graph, &graph.calls),
            [
                path("(0)", 5),
                path("(0) main", 5),
                path("(0) main load", 3),
                path("(0) main load main", 1),
            ]
        );
        assert_eq!(
            paths(&graph, &graph.callers),
            [
                path("(0)", 5),
                path("(0) load", 2),
                path("(0) load main", 2),
                path("(0) main", 3),
                path("(0) main load", 1),
                path("(0) main load main", 1),
            ]
        );
        assert_eq!(graph.frames.len(), 2);
        assert!(graph.growth.is_none() && graph.calls.iter().all(|node| node.growth.is_none()));
    }

    #[test]
    fn a_function_that_calls_itself_counts_once() {
        let graph = flamegraph(&profile(&CALLS), None);
        let rows: Vec<_> = graph
            .functions
            .iter()
            .map(|row| {
                let name = graph.frames[row.frame as usize].frame.function_name.as_str();
                let one = graph.bytes.estimate / 5.0;
                (name, (row.own.estimate / one).round(), (row.total.estimate / one).round())
            })
            .collect();
        assert_eq!(rows, [("main", 3.0, 5.0), ("load", 2.0, 3.0)]);
    }

    #[test]
    fn intervals_are_those_of_top() {
        let profile = profile(&CALLS);
        let graph = flamegraph(&profile, None);
        let top = super::super::top::top(&profile, &super::super::Question::default());
        for site in top.sites {
            let row = graph
                .functions
                .iter()
                .find(|row| graph.frames[row.frame as usize].frame == site.frame)
                .unwrap();
            assert_eq!(row.own, site.bytes);
        }
    }

    #[test]
    fn tells_growth_since_a_base() {
        let base = [call(0, "main", &[(64, 1), (64, 9)]), call(0, "gone", &[(64, 8)])];
        let graph = flamegraph(&profile(&CALLS), Some(&profile(&base)));
        let one = graph.bytes.estimate / 5.0;
        let growth = |node: &FlameNode| (node.growth.unwrap().estimate / one).round();
        assert_eq!(growth(&graph.calls[0]), 2.0);
        // What the profile does not hold has no width.
        assert_eq!(paths(&graph, &graph.calls)[1..].len(), 3);
        assert_eq!(growth(&graph.calls[1]), 3.0);
    }

    #[test]
    fn numbers_of_other_tools_have_no_interval() {
        let mut profile = profile(&CALLS);
        profile.parts_mut().metadata.sample_interval_bytes = None;
        profile.parts_mut().stated =
            Arc::new(vec![crate::profile::Stated { node: 2, bytes: 512.0, objects: None }]);
        let graph = flamegraph(&profile, None);
        assert!(graph.calls.iter().chain(&graph.callers).all(|node| node.bytes.low.is_none()));
        assert_eq!(graph.bytes, Interval::unknown(512.0));
    }

    fn wide(functions: u32) -> Profile {
        let names: Vec<String> = (0..functions).map(|index| format!("f{index}")).collect();
        let mut nodes = vec![(1, 0, "(root)")];
        nodes.extend(names.iter().zip(2..).map(|(name, id)| (id, 0, name.as_str())));
        let mut profile = crate::profile::testing::profile(&nodes);
        profile.parts_mut().samples = Arc::new(
            (0..functions)
                .map(|index| crate::profile::testing::sample(index + 2, 8 + u64::from(index), 1))
                .collect(),
        );
        profile
    }

    #[test]
    fn small_nodes_are_folded_and_nothing_is_lost() {
        let graph = flamegraph(&wide(30_000), None);
        for nodes in [&graph.calls, &graph.callers] {
            assert_eq!(nodes.len(), MAX_NODES + 1);
            let folded = nodes.last().unwrap();
            assert_eq!((folded.frame, folded.folded), (None, 30_001 - MAX_NODES as u32));
            let sum: f64 = nodes[1..].iter().map(|node| node.bytes.estimate).sum();
            assert!((sum / graph.bytes.estimate - 1.0).abs() < 1e-9);
            let smallest = nodes[MAX_NODES - 1].bytes.estimate;
            assert!(nodes[1..MAX_NODES].iter().all(|node| node.bytes.estimate >= smallest));
        }
        assert_eq!(graph.functions.len() + graph.omitted_functions, 30_000);
    }

    #[test]
    fn a_tree_of_any_depth_is_folded() {
        let depth = 200_000;
        let chain: Vec<_> = (0..depth).map(|i: u32| (i + 1, i.saturating_sub(1), "f")).collect();
        let mut profile = crate::profile::testing::profile(&chain);
        profile.parts_mut().samples = Arc::new(vec![
            crate::profile::testing::sample(depth, 64, 1),
            crate::profile::testing::sample(depth / 2, 64, 1),
        ]);
        let graph = flamegraph(&profile, None);
        // The way up from each of the two is one of its own.
        assert_eq!(graph.calls.len(), MAX_DEPTH as usize + 1);
        assert_eq!(graph.callers.len(), 2 * MAX_DEPTH as usize + 1);
        assert_eq!(graph.calls.last().unwrap().folded, 1);
    }
}
