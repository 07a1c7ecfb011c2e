//! What a flame graph shows: a tree of calls, the same from the allocating functions up, and a table
//! of functions; as little of them as one can look at, whatever the profile's size.
//!
//! Trees are lists of nodes, each after its caller: nothing that writes or reads them has to recurse.

mod branches;
mod stacks;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use indexmap::IndexSet;
use serde::Serialize;

use super::frames::{Frame, FrameTable, package_of};
use super::interval::Interval;
use super::tally::OpenCalls;
use crate::profile::Profile;
use branches::{largest, root};
use stacks::{Held, Knowledge, Stacks};

/// Frames on top of each other, as many as V8 is asked for at most; the page recurses this deep.
pub const MAX_DEPTH: u32 = 1024;

/// Steps up from nodes that allocate towards the root, for the tree of callers. A million such nodes have
/// as many with 32 frames each; callers that take more are left out.
const MAX_STEPS: usize = 1 << 25;

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

/// The flame graph of a profile, with what grew since the base.
pub fn flamegraph(profile: &Profile, base: Option<&Profile>) -> FlameGraph {
    let mut frames = FrameTable::default();
    let stacks = Stacks::of(profile, base, &mut frames);
    let known = Knowledge::of(profile, base);
    let all = stacks.totals[0];
    let (functions, omitted_functions) = functions(&stacks, frames.len(), known);
    let calls = largest(root(all, 0), |node| stacks.calls_of(node), known);
    let mut left = MAX_STEPS;
    let callers_of = |ways: Vec<_>| match left.checked_sub(ways.len()) {
        Some(rest) => {
            left = rest;
            stacks.callers_of(ways)
        }
        None => Vec::new(),
    };
    let callers = largest(root(all, stacks.leaves()), callers_of, known);
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
