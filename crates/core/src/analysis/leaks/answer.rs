//! The answer. index.d.ts documents its JSON.

use std::sync::Arc;

use serde::Serialize;

use crate::analysis::frames::{Caller, Frame};
use crate::analysis::interval::Interval;
use crate::analysis::lines::Line;
use crate::analysis::process::Process;
use crate::analysis::stacks::Stacks;

/// What is found out about a site, or of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It keeps growing, and its old objects stay.
    Leaking,
    /// It grows, and there is not yet enough evidence that it keeps growing and its objects stay.
    Growing,
    /// V8 has not collected the garbage between the captures: anything may be garbage.
    Unknown,
    /// It does not grow, no longer grows, its objects die, or it grows too slowly to matter.
    Steady,
}

/// The answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Leaks {
    /// The worst of the sites' verdicts.
    pub verdict: Verdict,
    /// The captures that were compared, the earliest first: their files.
    pub snapshots: Vec<String>,
    /// The other sessions, of which the answer does not tell more.
    pub others: Vec<OtherSession>,
    /// Whether growth is all that could be told, as the files do not say which session they are of, or at
    /// which interval it sampled.
    pub growth_only: bool,
    /// Whose stacks they are; none of other tools' files.
    pub stacks: Option<Stacks>,
    /// Full garbage collections between the first and the last capture: what none of them has looked at
    /// counts as live. None if the files do not tell.
    pub full_collections: Option<u64>,
    /// From the first to the last capture; none if the files do not tell.
    pub span_ms: Option<f64>,
    /// Average bytes between two samples; none if the files do not tell.
    pub sample_interval_bytes: Option<u32>,
    /// What the process did as a whole, from the first to the last of `moments`, or of all captures if there
    /// is one moment only; none if the files do not tell.
    pub process: Option<Process>,
    /// Growth of all live bytes.
    pub growth_bytes_per_hour: Interval,
    /// The smallest leak that would have been found in 95 of 100 cases, bytes per hour; none if no
    /// leak could have been.
    pub detectable: Option<f64>,
    /// Which of the captures histories and cohorts tell of, counted from 0: all, or some of many.
    pub moments: Vec<usize>,
    /// What leaks or grows, the worst first: sites that are one leak together.
    pub leaks: Vec<Leak>,
    /// The sites, the worst first.
    pub sites: Vec<LeakSite>,
}

/// A session that is no worse than the one that is told of.
#[derive(Debug, PartialEq, Serialize)]
pub struct OtherSession {
    /// The worst of its sites' verdicts; none of a single capture.
    pub verdict: Option<Verdict>,
    /// Its captures, the earliest first: their files.
    pub snapshots: Vec<String>,
}

/// Sites that are one leak.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Leak {
    /// The worst of the sites' verdicts.
    pub verdict: Verdict,
    /// The function that all of it is reached through.
    pub through: Arc<Frame>,
    /// Which of the answer's sites, those that grow most first.
    pub sites: Vec<usize>,
    /// Their growth.
    pub growth_bytes_per_hour: Interval,
    /// Part of the growth of all live bytes; none if these do not grow.
    pub share: Option<f64>,
    /// Part of their old objects that is alive at the end; see [`LeakSite::retention`].
    pub retention: Option<Interval>,
    /// See [`LeakSite::heap_limit_ms`].
    pub heap_limit_ms: Option<f64>,
}

/// A site.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LeakSite {
    /// What was found out.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// What it is.
    #[serde(flatten)]
    pub frame: Arc<Frame>,
    /// See [`crate::analysis::sites::Sites::callers`].
    pub stack: Vec<Caller>,
    /// The lines of it that allocated what stays, or where nothing does what is alive, the worst first; as far
    /// as they are known.
    pub lines: Vec<Line>,
    /// See [`crate::analysis::sites::Sites::is_program`].
    pub is_program: bool,
    /// Whether growth, live bytes and retention are those of the function together with a caller of it and all
    /// that this calls: V8 has moved bytes between them, as it compiled the one into the other.
    pub is_family: bool,
    /// In the last capture.
    pub live_bytes: Interval,
    /// By weighted regression over all captures, of what outlived one where that is known.
    pub growth_bytes_per_hour: Interval,
    /// Part of what outlived the capture after its birth that is alive at the end, 0 to 1; none if
    /// nothing grew old enough.
    pub retention: Option<Interval>,
    /// Part of the growth of all live bytes; none if these do not grow.
    pub share: Option<f64>,
    /// Milliseconds until the heap limit is reached if only this site grows; none if it does not, or the
    /// files do not tell.
    pub heap_limit_ms: Option<f64>,
    /// Live bytes in each of the moments.
    pub history: Vec<Moment>,
    /// What was born between two moments, the earliest first; none where nothing was sampled.
    pub cohorts: Vec<Cohort>,
    /// For a growing site, what would give the evidence.
    pub needs: Option<Needs>,
}

/// Live bytes at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Moment {
    /// Estimated, or as the file says.
    pub bytes: f64,
    /// None where nothing is known of errors.
    pub standard_error: Option<f64>,
}

/// Objects that one of the moments is the first to have.
#[derive(Debug, PartialEq, Serialize)]
pub struct Cohort {
    /// Which capture that is, counted from 0 among all.
    pub snapshot: usize,
    /// What there was of them in it.
    pub bytes: f64,
    /// The part of it that is left in each later one of the moments, 0 to 1, until nothing is.
    pub survival: Vec<f64>,
}

/// What decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It grows, goes on growing, and old objects of most cohorts stay.
    OldObjectsStay,
    /// It grows, and too few objects grew old to tell whether they stay.
    TooFewOldObjects,
    /// It grows, and what stays came at a few moments, such as when V8 compiled a function: from as
    /// many cohorts as there are it cannot be told whether more will come.
    TooFewMoments,
    /// It grows; the files do not tell which objects are old.
    NoSession,
    /// Its old objects stay, but no function of the program is known to allocate them, and V8 has made too
    /// few full collections for that to be a leak.
    TooFewCollections,
    /// It grows, and most of its oldest objects are gone: a cache, or a leak that loses some.
    OldestObjectsDie,
    /// It grows, and V8's heap as a whole does not: it may replace what was there before sampling began.
    HeapStandsStill,
    /// It grows as much as those shrink that call it, or that it calls: V8 has compiled the one into the
    /// other, or no longer does.
    Moved,
    /// V8 has not looked at what lives.
    NoCollection,
    /// Its growth may be chance.
    NoGrowth,
    /// It grows too slowly to fill the heap within a month.
    TooSlow,
    /// It grew, and has all but stopped.
    Plateau,
    /// It grows, and its old objects die.
    OldObjectsDie,
}

impl Reason {
    /// Whether it grows, and more evidence may tell that it leaks.
    pub fn lacks_evidence(self) -> bool {
        use Reason::{OldestObjectsDie, TooFewMoments, TooFewOldObjects};
        matches!(self, TooFewMoments | TooFewOldObjects | OldestObjectsDie)
    }

    /// What follows from it.
    pub fn verdict(self) -> Verdict {
        match self {
            Reason::OldObjectsStay => Verdict::Leaking,
            Reason::TooFewOldObjects
            | Reason::TooFewMoments
            | Reason::OldestObjectsDie
            | Reason::NoSession
            | Reason::Moved
            | Reason::HeapStandsStill
            | Reason::TooFewCollections => Verdict::Growing,
            Reason::NoCollection => Verdict::Unknown,
            Reason::NoGrowth | Reason::TooSlow | Reason::Plateau | Reason::OldObjectsDie => {
                Verdict::Steady
            }
        }
    }
}

/// What would turn a suspicion into a verdict, in 95 of 100 cases: either of the two.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Needs {
    /// As many captures more, as far apart as these.
    pub snapshots: u32,
    /// A session with this interval and as many captures; none if no interval would do.
    pub sample_interval_bytes: Option<u32>,
}
