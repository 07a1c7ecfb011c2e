//! What V8 probably inlined between the base and the profile.
//!
//! An inlined function has no frame of its own: what it allocates counts for the function that it became a
//! part of, from the moment when V8 optimizes that. In a comparison the one shrinks and the other grows,
//! and nothing in the program has changed.

use indexmap::IndexMap;
use serde::Serialize;

use super::stacks::{Held, Knowledge, Stacks};
use super::sum_shown;
use crate::analysis::frames::FrameTable;
use crate::analysis::interval::Interval;

/// How far up V8 is taken to inline: a function that is inlined into one that is inlined, and so on.
const MAX_CALLERS: usize = 8;

/// By how much of it growth and shrinkage may differ and still be about the same.
const TOLERANCE: f64 = 1.0 / 3.0;

/// Notes, those of the largest growth: nobody reads more.
const MAX_NOTES: usize = 20;

/// Functions that were probably inlined into one.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inlined {
    /// Index of the function that they became a part of: what it allocates itself grew.
    pub caller: u32,
    /// By how much.
    pub growth: Interval,
    /// Indexes of the functions that were inlined: what they allocate themselves shrank.
    pub callees: Vec<u32>,
}

impl Inlined {
    /// All that refers to a function.
    pub fn frames(&mut self) -> impl Iterator<Item = &mut u32> {
        [&mut self.caller].into_iter().chain(&mut self.callees)
    }
}

/// Of functions that surely shrank and callers of theirs that surely grew those that do so by about the
/// same; what is not known with its interval is surely nothing.
pub fn inlined(stacks: &Stacks, frames: &FrameTable, known: Knowledge) -> Vec<Inlined> {
    if !known.tells_growth() {
        return Vec::new();
    }
    let growth = own_growth(stacks, frames.len(), known);
    let shrunk = shrunk_callees(stacks, &growth).into_iter();
    let mut notes: Vec<Inlined> = shrunk
        .map(|(caller, callees)| {
            let growth = growth[caller as usize];
            Inlined { caller, growth, callees: those_inlined(callees, growth, known) }
        })
        .filter(|note| !note.callees.is_empty())
        .collect();
    notes.sort_by(|one, other| other.growth.estimate.total_cmp(&one.growth.estimate));
    notes.truncate(MAX_NOTES);
    notes
}

/// Those of the callees that shrank, together or each, by about as much as their caller grew.
fn those_inlined(callees: IndexMap<u32, Held>, growth: Interval, known: Knowledge) -> Vec<u32> {
    let mut shrunk: Vec<(u32, f64)> = callees
        .into_iter()
        .filter_map(|(callee, held)| Some((callee, known.growth(&held)?)))
        .filter(|(_, growth)| growth.is_negative())
        .map(|(callee, growth)| (callee, -growth.estimate))
        .collect();
    if !is_about(growth.estimate, shrunk.iter().map(|(_, bytes)| bytes).sum()) {
        shrunk.retain(|&(_, bytes)| is_about(growth.estimate, bytes));
    }
    shrunk.into_iter().map(|(callee, _)| callee).collect()
}

fn is_about(grown: f64, shrunk: f64) -> bool {
    (grown - shrunk).abs() <= TOLERANCE * shrunk
}

/// How what each function allocates itself grew.
fn own_growth(stacks: &Stacks, count: usize, known: Knowledge) -> Vec<Interval> {
    let all: Vec<u32> = (0..stacks.own.len() as u32).collect();
    sum_shown(stacks, count, &all)
        .iter()
        .map(|held| known.growth(held).unwrap_or_default())
        .collect()
}

/// Of each function that grew those that shrank and are called from it, with what they hold there: of
/// the callers that grew enough the nearest counts.
fn shrunk_callees(stacks: &Stacks, growth: &[Interval]) -> IndexMap<u32, IndexMap<u32, Held>> {
    let mut found: IndexMap<u32, IndexMap<u32, Held>> = IndexMap::new();
    for (node, held) in (0..).zip(&stacks.own) {
        let Some(callee) = stacks.frame(node) else { continue };
        let shrunk = growth[callee as usize];
        if !shrunk.is_negative() {
            continue;
        }
        let enough = -shrunk.estimate * (1.0 - TOLERANCE);
        let grew = |caller: &u32| {
            let growth = growth[*caller as usize];
            growth.is_positive() && growth.estimate >= enough
        };
        let caller = stacks.callers(node).take(MAX_CALLERS).find(grew);
        if let Some(caller) = caller {
            *found.entry(caller).or_default().entry(callee).or_default() += *held;
        }
    }
    found
}
