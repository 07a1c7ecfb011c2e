//! What functions that call each other hold together. V8 compiles a function into its caller, or stops to do
//! so, and what it allocates counts for the other from then on: the one seems to grow, and the other to stop.
//! Together they do what they did before.

use super::answer::{Reason, Verdict};
use super::history::{History, Track};
use super::judge::{Judge, Judgement};
use crate::analysis::sites::{NO_WAY, Sites};

/// Sites that are looked at so: those that grow most.
const MAX_SITES: usize = 32;

/// Callers of each that are: V8 compiles a function into one of the nearest.
const MAX_CALLERS: usize = 3;

/// Judges those that grow anew, with those that call them and those that they call.
pub fn reconsider(judged: &mut [Judgement], judge: &Judge<'_>, sites: &Sites) {
    if !sites.are_functions() {
        return;
    }
    let mut told = Told { sites: leaking(judged), ways: Vec::new() };
    let grows = |found: &&mut Judgement| {
        found.verdict() <= Verdict::Growing && sites.is_program(found.site)
    };
    for found in judged.iter_mut().filter(grows).take(MAX_SITES) {
        let families = sites.families(found.site, MAX_CALLERS);
        if found.verdict() == Verdict::Leaking {
            let all = families.iter().map(|ways| together(judge, sites, |_, way| ways[way]));
            if all.into_iter().any(|family| makes_up(&family, found, judge)) {
                found.reason = Reason::Moved;
            }
        } else if found.reason.lacks_evidence() {
            for ways in families {
                let is_new = |site, way| ways[way] && !told.has(site, way);
                let family = judge.judge_track(found.site, &together(judge, sites, is_new));
                if family.verdict() == Verdict::Leaking {
                    *found = Judgement { is_family: true, ..family };
                    told.add(ways);
                    break;
                }
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

fn leaking(judged: &[Judgement]) -> Vec<u32> {
    let leaking = judged.iter().filter(|found| found.verdict() == Verdict::Leaking);
    leaking.map(|found| found.site).collect()
}

/// What leaks already.
struct Told {
    sites: Vec<u32>,
    /// By number.
    ways: Vec<bool>,
}

impl Told {
    fn has(&self, site: u32, way: usize) -> bool {
        self.sites.contains(&site) || self.ways.get(way).is_some_and(|&is_told| is_told)
    }

    fn add(&mut self, ways: Vec<bool>) {
        self.ways.resize(ways.len(), false);
        for (told, is_new) in self.ways.iter_mut().zip(ways) {
            *told |= is_new;
        }
    }
}

/// The objects of a family, by site and way.
fn together(judge: &Judge<'_>, sites: &Sites, is_of: impl Fn(u32, usize) -> bool) -> Track {
    let History { tracks, .. } = judge.history;
    let theirs = tracks.iter().filter(|&(&site, _)| Some(site) != sites.own());
    let lives = theirs.flat_map(|(&site, track)| {
        let is_of = &is_of;
        let on_way = track.lives.iter().filter(|life| life.way != NO_WAY);
        on_way.filter(move |life| is_of(site, life.way as usize)).copied()
    });
    let mut track = Track { lives: lives.collect(), stated: Vec::new() };
    // In one order always: floating-point sums depend on it.
    track.lives.sort_unstable_by_key(|life| life.ordinal);
    track
}
