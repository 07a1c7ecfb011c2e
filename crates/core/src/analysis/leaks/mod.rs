//! Which sites leak: from the captures of one session to a verdict.
//!
//! Ordinals increase with time, so every sampled object belongs to a birth cohort: those that a
//! capture is the first to have were born since the one before. A leak keeps growing, and what was
//! born in it stays. doc/leaks.md says where the criteria come from.
//!
//! Profiles come one after the other, and [`Sessions`] keeps of them what became of each object. Of
//! one session that makes a `history` of each site: how it grew is in `growth`, what of it stayed in
//! `retention`, what that means in `judge`, what more would tell in `evidence`, and what of it
//! the [`answer`] has in `told`.

pub mod answer;
mod evidence;
mod growth;
mod history;
mod judge;
mod retention;
mod sessions;
mod told;

#[cfg(test)]
mod tests;

use answer::{LeakSite, Leaks, OtherSession, Verdict};
use history::History;
use judge::{Judge, Judgement};
use told::Told;

pub use sessions::Sessions;

use super::MAX_SITES;
use super::sites::Sites;

/// With fewer nothing is born between two captures, outlives one, and is looked for in a fourth.
const FEWEST_CAPTURES: usize = 4;

/// Answers the question. Each session is judged, and the worst one is told of; of several the one with
/// the most captures, of these the latest. `limit` is how many steady sites at most, those that
/// hold most; those that leak or grow are all told, up to `MAX_SITES`.
pub fn leaks(sessions: Sessions, sites: &Sites, limit: usize) -> Leaks {
    let histories = sessions.into_histories().into_iter();
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
    let history = session.only(&looks);
    let growing = if history.interval.is_some() && history.captures() >= FEWEST_CAPTURES {
        &history.of_pairs()
    } else {
        &history
    };
    let is_looked_at = session.captures() < 2 || session.full_collections() != Some(0);
    let judge = Judge::new(&history, growing, is_looked_at);
    let whole = judge.growth_of_all();
    let mut judged: Vec<Judgement> = history.tracks.keys().map(|&site| judge.judge(site)).collect();
    judged.sort_by(Judgement::worst_first);
    let verdict = judged.first().map_or(Verdict::Steady, Judgement::verdict);
    let unsteady = judged.iter().take_while(|site| site.verdict() != Verdict::Steady).count();
    judged.truncate(unsteady.saturating_add(limit).min(limit.max(MAX_SITES)));
    let told = Told::of(&looks);
    let described = judged.into_iter().map(|site| {
        let (track, needs) = (&history.tracks[&site.site], judge.needs(&site));
        LeakSite {
            verdict: site.verdict(),
            reason: site.reason,
            frame: sites.frame(site.site).clone(),
            stack: sites.callers(site.site),
            live_bytes: site.live_bytes,
            growth_bytes_per_hour: site.growth,
            retention: site.retention.interval95(),
            share: (whole.estimate > 0.0).then(|| site.growth.estimate / whole.estimate),
            history: told.moments(track, history.interval.is_some()),
            cohorts: if history.interval.is_some() { told.cohorts(track) } else { Vec::new() },
            needs,
        }
    });
    Leaks {
        verdict,
        others: Vec::new(),
        full_collections: session.full_collections(),
        growth_only: history.interval.is_none(),
        span_ms: session.is_timed.then(|| session.span_hours() * 3_600_000.0),
        growth_bytes_per_hour: whole,
        detectable: judge.detectable(),
        sites: described.collect(),
        moments: told.captures(),
        snapshots: session.names,
    }
}
