//! What a function and those that it calls hold together. When V8 compiles a function into its caller, what
//! it allocates counts for the caller from then on: the one seems to grow, and the other to stop. Together
//! they do what they did before.

use super::answer::{Reason, Verdict};
use super::history::{History, Track};
use super::judge::{Judge, Judgement};
use crate::analysis::sites::{NO_WAY, Sites};

/// Sites that are looked at with what they call: those that grow most.
const MAX_SITES: usize = 32;

/// Judges those that grow anew, with what they call.
pub fn reconsider(judged: &mut [Judgement], judge: &Judge<'_>, sites: &Sites) {
    if !sites.are_functions() {
        return;
    }
    let leaking: Vec<u32> = judged
        .iter()
        .filter(|found| found.verdict() == Verdict::Leaking)
        .map(|found| found.site)
        .collect();
    let grows = |found: &&mut Judgement| {
        found.verdict() <= Verdict::Growing && sites.is_program(found.site)
    };
    let growing = judged.iter_mut().filter(grows);
    let mut told: Vec<bool> = Vec::new();
    for found in growing.take(MAX_SITES) {
        let leads = sites.ways_through(found.site);
        let family = |is_told: &dyn Fn(u32, u32) -> bool| {
            let is_of = |site: u32, way: u32| {
                (site == found.site || way != NO_WAY && leads[way as usize])
                    && Some(site) != sites.own()
                    && !is_told(site, way)
            };
            let track = together(judge.history, is_of);
            judge.judge_track(found.site, &track, &pairs_of(&track, judge))
        };
        if found.verdict() == Verdict::Leaking {
            let whole = family(&|_, _| false);
            if whole.verdict() != Verdict::Leaking && whole.growth.high < found.growth.low {
                found.reason = Reason::Moved;
            }
        } else if matches!(
            found.reason,
            Reason::TooFewMoments | Reason::TooFewOldObjects | Reason::OldestObjectsDie
        ) {
            let is_told = |site: u32, way: u32| {
                leaking.contains(&site) || told.get(way as usize).is_some_and(|&told| told)
            };
            let whole = family(&is_told);
            if whole.verdict() == Verdict::Leaking {
                *found = whole;
                told.resize(leads.len(), false);
                for (told, leads) in told.iter_mut().zip(&leads) {
                    *told |= leads;
                }
            }
        }
    }
}

/// The objects of some sites, by how they were reached.
fn together(history: &History, is_of: impl Fn(u32, u32) -> bool) -> Track {
    let lives = history.tracks.iter().flat_map(|(&site, track)| {
        let is_of = &is_of;
        track.lives.iter().filter(move |life| is_of(site, life.way)).copied()
    });
    let mut track = Track { lives: lives.collect(), stated: Vec::new() };
    // In one order always: floating-point sums depend on it.
    track.lives.sort_unstable_by_key(|life| life.ordinal);
    track
}

/// What growth is told from.
fn pairs_of(track: &Track, judge: &Judge<'_>) -> Track {
    if judge.is_of_pairs() {
        track.of_pairs()
    } else {
        Track { lives: track.lives.clone(), stated: Vec::new() }
    }
}
