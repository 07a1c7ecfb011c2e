//! What a flame graph shows: a tree of calls, the same from the allocating functions up, and a table
//! of functions; as little of them as one can look at, whatever the profile's size.
//!
//! Trees are lists of nodes, each after its caller: nothing that writes or reads them has to recurse.

mod branches;
mod inlined;
mod stacks;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use indexmap::IndexSet;
use serde::Serialize;

use super::frames::{Frame, FrameTable, Owner, package_of};
use super::interval::Interval;
use super::stacks::{self as said, Stacks as SaidStacks};
use super::tally::OpenCalls;
use crate::profile::{Include, Profile};
use branches::{MAX_NODES, largest, root};
use inlined::{Inlined, inlined};
use stacks::{Held, Knowledge, Stacks};

/// Frames on top of each other, as many as V8 is asked for at most; the page recurses this deep.
pub const MAX_DEPTH: u32 = 1024;

/// Steps up from nodes that allocate towards the root, for the tree of callers. A million such nodes have
/// as many with 32 frames each; callers that take more are left out.
const MAX_STEPS: usize = 1 << 25;

/// Frames in each tree of callers without hidden functions, of which there are several.
const MAX_NODES_HIDING: usize = 2_000;

/// Rows of the table.
const MAX_FUNCTIONS: usize = 1000;

/// All that the page shows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FlameGraph {
    /// When the profile was taken, milliseconds since 1970; none if it does not tell.
    pub taken_at: Option<f64>,
    /// Which objects are counted, as in a diff.
    pub include: Include,
    /// Average bytes between samples; none if the profile does not tell.
    pub sample_interval_bytes: Option<u32>,
    /// Sampled objects behind the estimates.
    pub sample_count: u64,
    /// Whose stacks they are; none of other tools' files.
    pub stacks: Option<SaidStacks>,
    /// The functions that the rest refers to by index.
    pub frames: Vec<FlameFrame>,
    /// Of all that was allocated.
    #[serde(flatten)]
    pub view: FlameView,
    /// Without what was allocated while modules were loaded; none if that is nothing.
    pub without_start_up: Option<FlameView>,
    /// What V8 probably inlined since the base.
    pub inlined: Vec<Inlined>,
}

/// A graph and its table.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FlameView {
    /// All live bytes.
    pub bytes: Interval,
    /// Their growth; none without a base.
    pub growth: Option<Interval>,
    /// From the root to the functions that allocate.
    pub calls: Vec<FlameNode>,
    /// From the functions that allocate to their callers.
    pub callers: Vec<FlameNode>,
    /// The same without the functions that are hidden, `HIDDEN` one after the other: what is folded does
    /// not tell its callers. Nothing where there are none to hide.
    pub callers_hiding: [Vec<FlameNode>; HIDDEN.len()],
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
    /// Whose code it is: what the page can hide.
    pub owner: Owner,
}

/// A node of a tree. The first one is the root.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FlameNode {
    /// Index of the node that it belongs under; the root's is its own, 0.
    pub parent: u32,
    /// Index of its function; none of the root, and of what stands for several.
    pub frame: Option<u32>,
    /// The line of it that allocates or calls what is nearer to that; 0, and left out, if it is not known.
    #[serde(skip_serializing_if = "is_no_line")]
    pub line: i32,
    /// How many small nodes it stands for; 0, and left out, if it is a function's.
    #[serde(skip_serializing_if = "is_zero")]
    pub folded: u32,
    /// Live bytes of it and of all that is under it.
    pub bytes: Interval,
    /// Their growth; none, and left out, without a base.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub growth: Option<Interval>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn is_no_line(line: &i32) -> bool {
    *line == 0
}

/// A row of the table.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FlameFunction {
    /// Index of the function.
    pub frame: u32,
    /// Live bytes that it allocated.
    pub own: Interval,
    /// The same with those of hidden functions that it called, `HIDDEN` one after the other; none, and
    /// left out, where that is no difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own_hiding: Option<[Interval; HIDDEN.len()]>,
    /// With those of all that it calls.
    pub total: Interval,
    /// Growth of the total; none without a base.
    pub growth: Option<Interval>,
}

/// What the page can hide: what each function holds itself depends on it.
const HIDDEN: [&[Owner]; 3] =
    [&[Owner::Internal], &[Owner::Package], &[Owner::Internal, Owner::Package]];

/// The flame graph of a profile, with what grew since the base.
pub fn flamegraph(profile: &Profile, base: Option<&Profile>) -> FlameGraph {
    let mut frames = FrameTable::default();
    let stacks = Stacks::of(profile, base, &mut frames);
    let known = Knowledge::of(profile, base);
    let is_live = profile.knows_liveness && base.is_none_or(|base| base.knows_liveness);
    let captures: Vec<_> =
        [Some(profile), base].into_iter().flatten().map(|one| &one.metadata).collect();
    let mut graph = FlameGraph {
        taken_at: profile.metadata.taken_at.map(|time| time.timestamp_millis() as f64),
        include: if is_live { Include::Live } else { Include::Allocated },
        sample_interval_bytes: profile.interval(),
        sample_count: stacks.totals[0].sample_count(),
        stacks: said::of(&captures),
        frames: Vec::new(),
        view: view(&stacks, &frames, known),
        inlined: inlined(&stacks, &frames, known),
        without_start_up: stacks
            .without_start_up(&frames)
            .map(|stacks| view(&stacks, &frames, known)),
    };
    graph.keep_frames(&frames);
    graph
}

fn view(stacks: &Stacks, frames: &FrameTable, known: Knowledge) -> FlameView {
    let all = stacks.totals[0];
    let owners: Vec<Owner> = (0..frames.len() as u32).map(|n| frames.get(n).owner()).collect();
    let shown = |hidden: &[Owner]| stacks.shown(|frame| hidden.contains(&owners[frame as usize]));
    let hiding = HIDDEN.map(shown);
    let (functions, omitted_functions) = functions(stacks, frames.len(), known, &hiding);
    let callers_hiding = [0, 1, 2].map(|number| {
        let is_there = HIDDEN[number].iter().all(|hidden| owners.contains(hidden));
        let callers = || callers(stacks, known, &hiding[number], MAX_NODES_HIDING);
        if is_there { callers() } else { Vec::new() }
    });
    FlameView {
        bytes: known.bytes(&all),
        growth: known.growth(&all),
        calls: largest(root(all, 0), |node| stacks.calls_of(node), known, MAX_NODES),
        callers: callers(stacks, known, &shown(&[]), MAX_NODES),
        callers_hiding,
        functions,
        omitted_functions,
    }
}

/// The tree of callers.
fn callers(stacks: &Stacks, known: Knowledge, shown: &[u32], max: usize) -> Vec<FlameNode> {
    let mut left = MAX_STEPS;
    let callers_of = |ways: Vec<_>| match left.checked_sub(ways.len()) {
        Some(rest) => {
            left = rest;
            stacks.callers_of(ways, shown)
        }
        None => Vec::new(),
    };
    largest(root(stacks.totals[0], stacks.leaves()), callers_of, known, max)
}

impl FlameGraph {
    /// Takes the functions over that are referred to.
    fn keep_frames(&mut self, all: &FrameTable) {
        let mut used: IndexSet<u32> = IndexSet::new();
        let views = [Some(&mut self.view), self.without_start_up.as_mut()];
        let of_views = views.into_iter().flatten().flat_map(FlameView::frames);
        let of_notes = self.inlined.iter_mut().flat_map(Inlined::frames);
        for frame in of_views.chain(of_notes) {
            *frame = used.insert_full(*frame).0 as u32;
        }
        let described = used.into_iter().map(|number| {
            let frame = all.get(number).clone();
            let package = package_of(&frame.url).to_owned();
            FlameFrame { package, owner: frame.owner(), frame }
        });
        self.frames = described.collect();
    }
}

impl FlameView {
    /// All that refers to a function.
    fn frames(&mut self) -> impl Iterator<Item = &mut u32> {
        let hiding = self.callers_hiding.iter_mut().flatten();
        let nodes = self.calls.iter_mut().chain(&mut self.callers).chain(hiding);
        let of_nodes = nodes.filter_map(|node| node.frame.as_mut());
        of_nodes.chain(self.functions.iter_mut().map(|row| &mut row.frame))
    }
}

/// The table, and how many functions it leaves out.
fn functions(
    stacks: &Stacks,
    count: usize,
    known: Knowledge,
    hiding: &[Vec<u32>; HIDDEN.len()],
) -> (Vec<FlameFunction>, usize) {
    let (own, totals) = sum_by_function(stacks, count);
    let hiding = hiding.each_ref().map(|shown| sum_shown(stacks, count, shown));
    let rows = (0..).zip(own.iter().zip(&totals)).map(|(frame, (own, total))| {
        let own = known.bytes(own);
        let of_hiding = hiding.each_ref().map(|held| known.bytes(&held[frame as usize]));
        FlameFunction {
            frame,
            own,
            own_hiding: of_hiding.iter().any(|bytes| *bytes != own).then_some(of_hiding),
            total: known.bytes(total),
            growth: known.growth(total),
        }
    });
    let mut rows: Vec<FlameFunction> = rows.filter(|row| row.total.estimate > 0.0).collect();
    rows.sort_by(|one, other| other.total.estimate.total_cmp(&one.total.estimate));
    let omitted = rows.len().saturating_sub(MAX_FUNCTIONS);
    rows.truncate(MAX_FUNCTIONS);
    (rows, omitted)
}

/// What each function holds itself with what counts for it.
fn sum_shown(stacks: &Stacks, count: usize, shown: &[u32]) -> Vec<Held> {
    let mut own = vec![Held::default(); count];
    for (held, &node) in stacks.own.iter().zip(shown) {
        if let Some(frame) = stacks.frame(node) {
            own[frame as usize] += *held;
        }
    }
    own
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
