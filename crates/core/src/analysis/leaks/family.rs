//! What functions that call each other hold together. V8 compiles a function into its caller, or stops to do
//! so, and what it allocates counts for the other from then on: the one seems to grow, and the other to stop.
//! Together they do what they did before.

use rustc_hash::FxHashSet;

use super::answer::{Reason, Verdict};
use super::history::{Life, Track};
use super::judge::{Judge, Judgement};
use crate::analysis::sites::Sites;
use crate::analysis::ways::NO_WAY;

/// Sites that are looked at so: those that grow most.
const CANDIDATES: usize = 32;

/// Callers of each that are: V8 compiles a function into one of the nearest.
const CALLERS: usize = 3;

/// Judges those that grow anew, with those that call them and those that they call.
pub fn reconsider(judged: &mut [Judgement], judge: &Judge<'_>, sites: &Sites) {
    if !sites.are_functions() {
        return;
    }
    let mut leaking = Leaking::of(judged);
    let grows = |found: &&mut Judgement| {
        found.verdict() <= Verdict::Growing && sites.is_program(found.site)
    };
    for found in judged.iter_mut().filter(grows).take(CANDIDATES) {
        let mut families = sites.families(found.site, CALLERS).into_iter();
        if found.verdict() == Verdict::Leaking {
            let mut tracks = families.map(|ways| together(judge, sites, |_, way| ways[way]));
            if tracks.any(|family| makes_up(&family, found, judge)) {
                found.reason = Reason::Moved;
            }
        } else if found.reason.lacks_evidence() {
            let leaks = families.find_map(|ways| leaking.more(&ways, found.site, judge, sites));
            if let Some(family) = leaks {
                *found = family;
            }
        }
    }
}

/// Whether the others of a family shrink by what the one grows: that all of it grows is not sure, nor could
/// it be hidden among what comes and goes there.
fn makes_up(family: &Track, found: &Judgement, judge: &Judge<'_>) -> bool {
    let (all, own) = (judge.growth(family), found.growth);
    !all.is_positive() && all.estimate < own.estimate / 2.0 && all.high <= own.high
}

/// What leaks already: it is no evidence against anything else.
struct Leaking {
    sites: FxHashSet<u32>,
    /// By number.
    ways: Vec<bool>,
}

impl Leaking {
    fn of(judged: &[Judgement]) -> Leaking {
        let leaking = judged.iter().filter(|found| found.verdict() == Verdict::Leaking);
        Leaking { sites: leaking.map(|found| found.site).collect(), ways: Vec::new() }
    }

    /// The judgement on the family of a site that has these ways, if it leaks: it is added.
    fn more(
        &mut self,
        ways: &[bool],
        site: u32,
        judge: &Judge<'_>,
        sites: &Sites,
    ) -> Option<Judgement> {
        let is_new = |site, way: usize| ways[way] && !self.has(site, way);
        let family = judge.judge_track(site, &together(judge, sites, is_new));
        if family.verdict() != Verdict::Leaking {
            return None;
        }
        self.ways.resize(ways.len(), false);
        for (leaks, is_new) in self.ways.iter_mut().zip(ways) {
            *leaks |= is_new;
        }
        Some(Judgement { is_family: true, ..family })
    }

    fn has(&self, site: u32, way: usize) -> bool {
        self.sites.contains(&site) || self.ways.get(way).is_some_and(|&leaks| leaks)
    }
}

/// The objects of a family, by site and way.
fn together(judge: &Judge<'_>, sites: &Sites, is_of: impl Fn(u32, usize) -> bool) -> Track {
    let mut lives = Vec::new();
    for (&site, track) in &judge.history.tracks {
        let is_of = |life: &&Life| life.way != NO_WAY && is_of(site, life.way as usize);
        if Some(site) != sites.own() {
            lives.extend(track.lives.iter().filter(is_of));
        }
    }
    // In one order always: floating-point sums depend on it.
    lives.sort_unstable_by_key(|life: &Life| life.ordinal);
    Track { lives, stated: Vec::new() }
}
