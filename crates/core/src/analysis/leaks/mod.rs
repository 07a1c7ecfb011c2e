//! Which sites leak: from the captures of one session to a verdict.
//!
//! Ordinals increase with time, so every sampled object belongs to a birth cohort: those that a
//! capture is the first to have were born since the one before. A leak keeps growing, and what was
//! born in it stays. doc/leaks.md says where the criteria come from.
//!
//! Profiles come one after the other, and [`Sessions`] keeps of them what became of each object. Of
//! one session that makes a `history` of each site: how it grew is in `growth`, what of it stayed in
//! `retention`, what that means in `judge`, what of it comes first in `leading`, which sites are one leak
//! in `groups`, what more would tell in `evidence`, and what of it the [`answer`] has in `told`.

pub mod answer;
mod evidence;
mod family;
mod groups;
mod growth;
mod headroom;
mod history;
mod judge;
mod leading;
mod retention;
mod sessions;
mod told;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use answer::{LeakSite, Leaks, OtherSession, Verdict};
use groups::Groups;
use headroom::Headroom;
use history::{History, Life, Track};
use judge::{Heap, Judge, Judgement};
use leading::Leading;
use told::Told;

pub use sessions::Sessions;

use super::MAX_SITES;
use super::lines::{Line, lines_of};
use super::process::Process;
use super::sites::Sites;

/// With fewer nothing is born between two captures, outlives one, and is looked for in two later ones: what
/// stays in a fourth alone may be on its way out.
const FEWEST_CAPTURES: usize = 5;

/// Answers the question. Each session is judged, and the worst one is told of; of several the one with
/// the most captures, of these the latest. `limit` is how many steady sites at most, those that
/// hold most; those that leak or grow are all told, up to `MAX_SITES`.
pub fn leaks(sessions: Sessions, sites: &Sites, limit: usize) -> Leaks {
    let histories = sessions.into_histories();
    let mut judged: Vec<Leaks> =
        histories.map(|history| judge_session(history, sites, limit)).collect();
    judged.sort_by_key(|session| session.verdict);
    let mut judged = judged.into_iter();
    let mut worst =
        judged.next().unwrap_or_else(|| judge_session(History::default(), sites, limit));
    worst.others = judged.map(OtherSession::from).collect();
    worst
}

impl From<Leaks> for OtherSession {
    fn from(Leaks { verdict, snapshots, .. }: Leaks) -> OtherSession {
        OtherSession { verdict: (snapshots.len() > 1).then_some(verdict), snapshots }
    }
}

fn judge_session(session: History, sites: &Sites, limit: usize) -> Leaks {
    let looks = session.looks();
    let looked_at = (looks.len() < session.captures()).then(|| session.only(&looks));
    let history = looked_at.as_ref().unwrap_or(&session);
    let growing = if history.interval.is_some() && history.captures() >= FEWEST_CAPTURES {
        &history.of_pairs()
    } else {
        history
    };
    let full_collections = session.full_collections(&looks);
    let is_looked_at = session.captures() < 2 || full_collections != Some(0);
    let heap = heap_of(&session, &looks, &history.hours);
    let judge = Judge::new(history, growing, is_looked_at, heap);
    let process = process_of(&session, &looks);
    let headroom = Headroom::of(process.as_ref(), session.is_timed);
    let leading = Leading { sites, headroom, are_collections_told: full_collections.is_some() };
    let mut judged = judge_sites(&judge, &leading);
    let nothing_found = if is_looked_at { Verdict::Steady } else { Verdict::Unknown };
    let verdict = judged.first().map_or(nothing_found, Judgement::verdict);
    let grown = judged.iter().take_while(|site| site.verdict() <= Verdict::Growing).count();
    judged.truncate(grown.saturating_add(limit).min(limit.max(MAX_SITES)));
    let told = Told::of(&looks);
    let describe = |site: &Judgement| describe(site, &judge, &told, &leading);
    let described: Vec<LeakSite> = judged.iter().map(describe).collect();
    Leaks {
        verdict,
        others: Vec::new(),
        stacks: session.stacks.stacks(),
        full_collections,
        growth_only: history.interval.is_none(),
        span_ms: session.is_timed.then(|| session.span_hours() * 3_600_000.0),
        sample_interval_bytes: history.interval,
        process,
        growth_bytes_per_hour: judge.whole,
        detectable: judge.detectable(),
        leaks: Groups { judged: &judged, judge: &judge, sites, headroom }.leaks(),
        sites: described,
        moments: told.captures(),
        snapshots: session.names,
    }
}

/// The judgements on all sites but heap-profile's own, those that lead first.
fn judge_sites(judge: &Judge<'_>, leading: &Leading<'_>) -> Vec<Judgement> {
    let program = judge.history.tracks.keys().filter(|&&site| Some(site) != leading.sites.own());
    let mut judged: Vec<Judgement> = program.map(|&site| judge.judge(site)).collect();
    judged.sort_by(Judgement::worst_first);
    family::reconsider(&mut judged, judge, leading.sites);
    leading.review(judged)
}

/// V8's heap, as far as it is looked at.
fn heap_of(session: &History, looks: &[usize], hours: &[f64]) -> Option<Heap> {
    let used = looks.iter().map(|&look| session.usages[look].map(|usage| usage.heap_used()));
    let used: Vec<f64> = used.collect::<Option<_>>()?;
    Some(Heap { used: *used.last()?, growth: growth::of_measured(hours, &used)? })
}

/// What the process did as a whole, as far as it is looked at; what it did at all, where it is not.
fn process_of(session: &History, looks: &[usize]) -> Option<Process> {
    let all: Vec<usize> = (0..session.captures()).collect();
    let captures = if looks.len() > 1 { looks } else { &all };
    let hours = session.hours[*captures.last()?] - session.hours[*captures.first()?];
    let usages: Vec<_> = captures.iter().map(|&capture| session.usages[capture]).collect();
    Process::over(&usages, session.is_timed.then_some(hours * 3_600_000.0))
}

/// The lines that allocated what was born since the first capture and is in the last one; where nothing is, what
/// is in the last one.
fn lines_in(track: &Track, last: usize, sites: &Sites) -> Vec<Line> {
    let place = |life: &Life| Some((sites.start_of(life.way)?, life.bytes));
    let alive = || track.lives.iter().filter(|life| life.last == last);
    let lines = lines_of(sites, alive().filter(|life| life.first > 0).filter_map(place));
    if lines.is_empty() { lines_of(sites, alive().filter_map(place)) } else { lines }
}

/// What the answer has of a site.
fn describe(found: &Judgement, judge: &Judge<'_>, told: &Told, leading: &Leading<'_>) -> LeakSite {
    let Leading { sites, headroom, .. } = leading;
    let whole = judge.whole.estimate;
    let track = &judge.history.tracks[&found.site];
    let is_sampled = judge.history.interval.is_some();
    LeakSite {
        verdict: found.verdict(),
        reason: found.reason,
        frame: sites.frame(found.site).clone(),
        stack: sites.callers(found.site),
        lines: lines_in(track, judge.last(), sites),
        is_program: sites.is_program(found.site),
        is_family: found.is_family,
        live_bytes: found.live_bytes,
        growth_bytes_per_hour: found.growth,
        retention: found.retention.interval95(),
        share: (whole > 0.0).then(|| found.growth.estimate / whole),
        heap_limit_ms: headroom.lasts_ms(&found.growth),
        history: told.moments(track, is_sampled),
        cohorts: if is_sampled { told.cohorts(track) } else { Vec::new() },
        needs: judge.needs(found, told.pace()),
    }
}
