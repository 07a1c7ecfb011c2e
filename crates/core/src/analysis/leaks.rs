//! Which sites leak: from the captures of one session to a verdict.
//!
//! Ordinals increase with time, so every sampled object belongs to a birth cohort: those that a
//! capture is the first to have were born since the one before. A leak keeps growing, and what was
//! born in it stays. doc/leaks.md says where the criteria come from.

use indexmap::IndexMap;
use serde::Serialize;

use super::history::{Capture, History, Life, Track, sums_by_capture};
use super::interval::Interval;
use super::sites::{Frame, Sites};
use super::statistics::{Line, Mean, Share, normal, student95};
use crate::profile::estimate::Total;

/// A site that goes on growing does so at a quarter of its former rate at least.
const GOES_ON: f64 = 0.25;

/// A site leaks if more than half of what grew old in it stays.
const STAYS: f64 = 0.5;

/// Old objects that a leak must be expected to have for 95 of 100 to have four, the fewest that can
/// show that more than half of them stay: with a mean of 7.75 a Poisson variable is at least 4.
const OLD_OBJECTS: f64 = 7.75;

/// With fewer nothing is born between two captures, outlives one, and is looked for in a fourth.
const FEWEST_CAPTURES: usize = 4;

/// With these, three cohorts tell how evenly a leak grows.
const ENOUGH_CAPTURES: usize = 5;

/// What is found out about a site, or of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It keeps growing, and its old objects stay.
    Leaking,
    /// It grows, and there is not yet enough evidence that it keeps growing and its objects stay.
    Growing,
    /// It does not grow, no longer grows, or its objects die.
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
    /// From the first to the last capture; none if the files do not tell.
    pub span_ms: Option<f64>,
    /// Growth of all live bytes.
    pub growth_bytes_per_hour: Interval,
    /// The smallest leak that would have been found in 95 of 100 cases, bytes per hour; none if no
    /// leak could have been.
    pub detectable: Option<f64>,
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
    pub frame: Frame,
    /// How it is reached where it holds most, the nearest caller first.
    pub stack: Vec<Frame>,
    /// In the last capture.
    pub live_bytes: Interval,
    /// By weighted regression over all captures, of what outlived one where that is known.
    pub growth_bytes_per_hour: Interval,
    /// Part of what outlived the capture after its birth that is alive at the end, 0 to 1; none if
    /// nothing grew old enough.
    pub retention: Option<Interval>,
    /// Part of the growth of all live bytes; none if these do not grow.
    pub share: Option<f64>,
    /// Live bytes in each capture.
    pub history: Vec<Moment>,
    /// What was born between two captures, the earliest first; none where nothing was sampled.
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

/// Objects that one capture is the first to have.
#[derive(Debug, PartialEq, Serialize)]
pub struct Cohort {
    /// Which capture that is, counted from 0.
    pub snapshot: usize,
    /// What there was of them in it.
    pub bytes: f64,
    /// The part of it that is left in each later capture, 0 to 1, until nothing is.
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
    /// Its growth may be chance.
    NoGrowth,
    /// It grew, and has all but stopped.
    Plateau,
    /// It grows, and its old objects die.
    OldObjectsDie,
}

impl Reason {
    fn verdict(self) -> Verdict {
        match self {
            Reason::OldObjectsStay => Verdict::Leaking,
            Reason::TooFewOldObjects | Reason::TooFewMoments | Reason::NoSession => {
                Verdict::Growing
            }
            Reason::NoGrowth | Reason::Plateau | Reason::OldObjectsDie => Verdict::Steady,
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

/// Answers the question. `captures` may be of several sessions: each is judged, and the worst one is
/// told of; of several the one with the most captures, of these the latest. `limit` is how many
/// steady sites at most, those that hold most; those that leak or grow are all told.
pub fn leaks(captures: Vec<Capture>, sites: &Sites, limit: usize) -> Leaks {
    let sessions = sessions_of(captures).into_iter();
    let mut judged: Vec<Leaks> =
        sessions.map(|captures| judge_session(captures, sites, limit)).collect();
    judged.sort_by_key(|session| session.verdict);
    let mut judged = judged.into_iter();
    let mut worst = judged.next().unwrap_or_else(|| judge_session(Vec::new(), sites, limit));
    worst.others = judged.map(OtherSession::of).collect();
    worst
}

/// Captures by session, those with the most captures first, of these the latest.
fn sessions_of(captures: Vec<Capture>) -> Vec<Vec<Capture>> {
    let mut sessions: IndexMap<Option<String>, Vec<Capture>> = IndexMap::new();
    for capture in captures {
        sessions.entry(capture.session_id.clone()).or_default().push(capture);
    }
    let latest = |captures: &[Capture]| {
        captures.iter().filter_map(|capture| capture.taken_at).fold(0.0, f64::max)
    };
    let mut sessions: Vec<Vec<Capture>> = sessions.into_values().collect();
    sessions.sort_by(|one, other| {
        other.len().cmp(&one.len()).then(latest(other).total_cmp(&latest(one)))
    });
    sessions
}

impl OtherSession {
    fn of(Leaks { verdict, snapshots, .. }: Leaks) -> OtherSession {
        OtherSession { verdict: (snapshots.len() > 1).then_some(verdict), snapshots }
    }
}

fn judge_session(captures: Vec<Capture>, sites: &Sites, limit: usize) -> Leaks {
    let history = History::of(captures);
    let growing = if history.interval.is_some() && history.hours.len() >= FEWEST_CAPTURES {
        &history.of_pairs()
    } else {
        &history
    };
    let judge = Judge::new(&history, growing);
    let whole = judge.growth(&whole(growing));
    let mut found: Vec<(u32, LeakSite)> =
        history.tracks.keys().map(|&site| (site, judge.site(site, &whole))).collect();
    found.sort_by(|(_, one), (_, other)| {
        let rate = |site: &LeakSite| site.growth_bytes_per_hour.estimate;
        let held = |site: &LeakSite| site.live_bytes.estimate;
        let within = match one.verdict {
            Verdict::Steady => held(other).total_cmp(&held(one)),
            _ => rate(other).total_cmp(&rate(one)),
        };
        one.verdict.cmp(&other.verdict).then(within)
    });
    let unsteady = found.iter().take_while(|(_, site)| site.verdict != Verdict::Steady).count();
    found.truncate(unsteady.saturating_add(limit));
    // Only now: stacks are long.
    let described = found.into_iter().map(|(number, site)| LeakSite {
        frame: sites.frame(number).clone(),
        stack: sites.callers(number).cloned().collect(),
        ..site
    });
    let found: Vec<LeakSite> = described.collect();
    Leaks {
        verdict: found.first().map_or(Verdict::Steady, |site| site.verdict),
        others: Vec::new(),
        growth_only: history.interval.is_none(),
        span_ms: history.is_timed.then(|| judge.span_hours() * 3_600_000.0),
        growth_bytes_per_hour: whole,
        detectable: judge.detectable(),
        sites: found,
        snapshots: history.names,
    }
}

/// All sites as one.
fn whole(history: &History) -> Track {
    let mut whole = Track { lives: Vec::new(), stated: vec![0.0; history.hours.len()] };
    for track in history.tracks.values() {
        whole.lives.extend(&track.lives);
        for (sum, stated) in whole.stated.iter_mut().zip(&track.stated) {
            *sum += stated;
        }
    }
    // Sites are numbered as files come; floating-point sums depend on the order.
    let order = |life: &Life| (life.first, life.last);
    whole.lives.sort_by(|one, other| {
        order(one).cmp(&order(other)).then(one.bytes.total_cmp(&other.bytes))
    });
    whole
}

/// What the growth of a site is tested with.
struct Growth {
    line: Line,
    /// The variance of the slope that sampling brings.
    sampling: f64,
}

struct Judge<'a> {
    history: &'a History,
    /// What growth is told from, see [`History::of_pairs`].
    growing: &'a History,
    /// Standard errors that a slope must exceed to be no chance among as many sites.
    z: f64,
    /// 97.5th percentile of Student's t for the scatter of as many points.
    student: f64,
}

impl Judge<'_> {
    fn new<'a>(history: &'a History, growing: &'a History) -> Judge<'a> {
        let has_births = |track: &&Track| track.lives.iter().any(|life| life.first > 0);
        let tested = growing.tracks.values().filter(has_births).count().max(1);
        // Bonferroni: one of all these tests is wrong in 2.5 of 100 cases.
        Judge {
            history,
            growing,
            z: normal(1.0 - 0.025 / tested as f64),
            student: student95(growing.hours.len().saturating_sub(2)),
        }
    }

    fn span_hours(&self) -> f64 {
        self.history.hours.last().copied().unwrap_or_default()
    }

    fn captures(&self) -> usize {
        self.history.hours.len()
    }

    /// All but the names.
    fn site(&self, site: u32, whole: &Interval) -> LeakSite {
        let (track, growing) = (&self.history.tracks[&site], &self.growing.tracks[&site]);
        let retention = self.retention(track);
        let cohorts = self.cohorts(track);
        let reason = self.reason(growing, &retention, &cohorts);
        let growth = self.growth(growing);
        LeakSite {
            verdict: reason.verdict(),
            reason,
            frame: Frame::default(),
            stack: Vec::new(),
            live_bytes: self.live_bytes(track),
            retention: retention.estimate().map(|estimate| {
                let (low, high) = retention.interval95();
                Interval { estimate, low: Some(low), high: Some(high) }
            }),
            share: (whole.estimate > 0.0).then(|| growth.estimate / whole.estimate),
            history: self.moments(track),
            cohorts: self.cohorts_of(track),
            needs: self.needs(track, reason, &cohorts),
            growth_bytes_per_hour: growth,
        }
    }

    fn reason(&self, track: &Track, retention: &Share, cohorts: &Mean) -> Reason {
        if self.captures() < 2 {
            return Reason::NoGrowth;
        }
        let growth = self.fit(track);
        let is_sure = growth.line.slope > self.half_width(&growth, self.z);
        // Without time between the captures the slope is no number.
        if !is_sure {
            return Reason::NoGrowth;
        }
        if self.captures() > 2 && !self.goes_on(track) {
            return Reason::Plateau;
        }
        if self.history.interval.is_none() {
            return Reason::NoSession;
        }
        match retention.interval95() {
            (_, high) if high < STAYS => Reason::OldObjectsDie,
            (low, _) if low <= STAYS => Reason::TooFewOldObjects,
            _ if !cohorts.is_positive() => Reason::TooFewMoments,
            _ => Reason::OldObjectsStay,
        }
    }

    fn fit(&self, track: &Track) -> Growth {
        let hours = &self.growing.hours;
        let (bytes, variance) = track.lives.iter().fold((0.0, 0.0), |(bytes, variance), life| {
            (bytes + life.bytes, variance + life.variance)
        });
        let per_byte = if bytes > 0.0 { variance / bytes } else { 0.0 };
        let line = Line::fit(hours, &self.growing.live_bytes(track), per_byte);
        // The slope is a sum over the objects, each with the weights of the captures that have it.
        let sampling = track.lives.iter().map(|life| {
            let weight: f64 = line.weights[life.first..=life.last].iter().sum();
            life.variance * weight * weight
        });
        Growth { sampling: sampling.sum(), line }
    }

    /// How far a slope may be off, if sampling errors are bounded by `z` standard errors.
    fn half_width(&self, growth: &Growth, z: f64) -> f64 {
        (z * z * growth.sampling + self.student.powi(2) * growth.line.scatter).sqrt()
    }

    fn growth(&self, track: &Track) -> Interval {
        let hours = &self.growing.hours;
        if hours.len() < 2 || hours[0] == hours[hours.len() - 1] {
            return Interval::default();
        }
        let growth = self.fit(track);
        let slope = growth.line.slope;
        if self.history.interval.is_none() && hours.len() == 2 {
            // Neither samples nor a scatter tell of errors.
            return Interval::unknown(slope);
        }
        let half = self.half_width(&growth, normal(0.975));
        Interval { estimate: slope, low: Some(slope - half), high: Some(slope + half) }
    }

    /// Whether it grew in the second half of the time, and at a rate to speak of.
    fn goes_on(&self, track: &Track) -> bool {
        let (hours, last) = (&self.growing.hours, self.growing.hours.len() - 1);
        let middle = last / 2;
        let bytes = self.growing.live_bytes(track);
        let rate = |from: usize, to: usize| (bytes[to] - bytes[from]) / (hours[to] - hours[from]);
        let (came, went) = changes(&track.lives, middle, last);
        let is_grown = match self.growing.interval {
            Some(_) => Interval::difference(&came, &went).low > Some(0.0),
            None => bytes[last] > bytes[middle],
        };
        is_grown && rate(middle, last) >= GOES_ON * rate(0, middle)
    }

    /// Of the objects born between two captures and still there at the one after: the part that is
    /// there at the end. By then garbage has been collected, and what is left is what was kept.
    fn retention(&self, track: &Track) -> Share {
        let mut share = Share::default();
        if self.history.interval.is_none() {
            return share;
        }
        let last = self.captures() - 1;
        for life in &track.lives {
            let grew_old = life.first > 0 && life.last > life.first && life.first + 1 < last;
            if grew_old {
                share.add(life.bytes, life.last == last);
            }
        }
        share
    }

    fn moments(&self, track: &Track) -> Vec<Moment> {
        let variances = sums_by_capture(&track.lives, self.captures(), |life| life.variance);
        let is_known = self.history.interval.is_some();
        let moments = self.history.live_bytes(track).into_iter().zip(variances);
        moments
            .map(|(bytes, variance)| Moment {
                bytes,
                standard_error: is_known.then(|| variance.sqrt()),
            })
            .collect()
    }

    /// The cohorts as they are told. What the first capture has is none: it was born any time before.
    fn cohorts_of(&self, track: &Track) -> Vec<Cohort> {
        if self.history.interval.is_none() {
            return Vec::new();
        }
        let mut lives: Vec<Life> =
            track.lives.iter().filter(|life| life.first > 0).copied().collect();
        lives.sort_by_key(|life| life.first);
        lives.chunk_by(|one, other| one.first == other.first).map(Cohort::of).collect()
    }

    /// What each cohort left at the end, bytes an hour. The first is no cohort, and the last one has
    /// not outlived a capture. Objects that came at one moment are one piece of evidence, however
    /// many they are; so the scatter of the cohorts is what tells how sure their mean is.
    fn cohorts(&self, track: &Track) -> Mean {
        let (hours, last) = (&self.history.hours, self.captures().saturating_sub(1));
        let mut left = vec![0.0; last.saturating_sub(1)];
        for life in track.lives.iter().filter(|life| life.last == last) {
            if (1..last).contains(&life.first) {
                left[life.first - 1] += life.bytes / (hours[life.first] - hours[life.first - 1]);
            }
        }
        Mean::of(&left)
    }

    fn live_bytes(&self, track: &Track) -> Interval {
        let last = self.captures() - 1;
        let alive = track.lives.iter().filter(|life| life.last == last);
        let total = alive.fold(Total::default(), sum);
        let stated = track.stated.get(last).copied().unwrap_or_default();
        if self.history.interval.is_some() {
            Interval::of(&total, stated)
        } else {
            Interval::unknown(total.estimate + stated)
        }
    }

    /// The time in which objects can be born that grow old, see [`Judge::retention`].
    fn birth_hours(&self) -> f64 {
        let hours = &self.history.hours;
        hours.len().checked_sub(3).map_or(0.0, |at| hours[at])
    }

    /// Enough objects must grow old, the slope must stand out (that of a growing count of `k` has a
    /// standard error of sqrt(6 / 5 / k) of it, as that of any random walk), and so must the mean of
    /// the cohorts.
    fn detectable(&self) -> Option<f64> {
        let interval = self.history.interval.filter(|_| self.captures() >= FEWEST_CAPTURES)?;
        let (birth_hours, span) = (self.birth_hours(), self.span_hours());
        let pairs_span = span - self.growing.hours[0];
        let cohorts = self.captures().saturating_sub(2);
        let slope = 1.2 * (self.z + normal(0.95)).powi(2);
        let mean = (student95(cohorts.saturating_sub(1)) + normal(0.95)).powi(2);
        let per_hour = [OLD_OBJECTS / birth_hours, slope / pairs_span, mean / pairs_span];
        let per_hour = per_hour.into_iter().fold(0.0, f64::max);
        Some(per_hour * f64::from(interval))
    }

    fn needs(&self, track: &Track, reason: Reason, cohorts: &Mean) -> Option<Needs> {
        let interval = self.history.interval?;
        let last = self.captures() - 1;
        let stayed = track.lives.iter().filter(|life| life.first > 0 && life.last == last).count();
        let per_step = stayed as f64 / last as f64;
        if stayed == 0 {
            return None;
        }
        let more = |captures: usize| captures.saturating_sub(self.captures()).max(1) as u32;
        match reason {
            Reason::TooFewMoments => {
                let captures = cohorts.count_needed()? + 2;
                Some(Needs { snapshots: more(captures), sample_interval_bytes: None })
            }
            Reason::TooFewOldObjects => {
                let step = self.span_hours() / last as f64;
                let old = per_step * (self.birth_hours() / step).max(1.0);
                let finer = (f64::from(interval) * old / OLD_OBJECTS).max(1.0) as u32;
                // Births in the last two steps cannot grow old.
                let steps = (OLD_OBJECTS / per_step).ceil() as usize + 2;
                let snapshots = more((steps + 1).max(ENOUGH_CAPTURES));
                let sample_interval_bytes = Some(finer).filter(|&finer| finer < interval);
                Some(Needs { snapshots, sample_interval_bytes })
            }
            _ => None,
        }
    }
}

impl Cohort {
    /// Of objects that were born together, one at least.
    fn of(lives: &[Life]) -> Cohort {
        let snapshot = lives[0].first;
        let end = lives.iter().fold(snapshot, |end, life| end.max(life.last));
        let left = sums_by_capture(lives, end + 1, |life| life.bytes);
        let bytes = left[snapshot];
        let survival = left[snapshot + 1..].iter().map(|left| left / bytes).collect();
        Cohort { snapshot, bytes, survival }
    }
}

/// What came and what went between two captures.
fn changes(lives: &[Life], from: usize, to: usize) -> (Total, Total) {
    let came = lives.iter().filter(|life| life.first > from && life.last >= to);
    let went = lives.iter().filter(|life| life.first <= from && (from..to).contains(&life.last));
    (came.fold(Total::default(), sum), went.fold(Total::default(), sum))
}

fn sum(total: Total, life: &Life) -> Total {
    Total {
        estimate: total.estimate + life.bytes,
        variance: total.variance + life.variance,
        seen: total.seen,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{INTERVAL, profile, sample};
    use super::*;
    use crate::profile::{Metadata, Parts, Profile, Stated, estimate};
    use chrono::{DateTime, TimeDelta};
    use std::sync::Arc;

    const CAPTURES: usize = 7;

    /// An object: when it is born and when it dies, in captures.
    type Object = (f64, f64);

    /// Numbers from 0 to 1: xorshift with a fixed seed.
    struct Random(u64);

    impl Random {
        fn next(&mut self) -> f64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            ((self.0 >> 11) as f64 + 0.5) / (1u64 << 53) as f64
        }

        /// As many births as that, spread evenly from one time to another.
        fn births(&mut self, count: usize, from: f64, to: f64) -> Vec<f64> {
            let mut births: Vec<f64> =
                (0..count).map(|_| from + (to - from) * self.next()).collect();
            births.sort_by(f64::total_cmp);
            births
        }
    }

    const END: f64 = (CAPTURES - 1) as f64;
    const FOREVER: f64 = 1e9;

    /// What a program allocates in one function, some forty samples a capture where it matters.
    type Program = fn(&mut Random) -> Vec<Object>;

    fn live_for(births: Vec<f64>, lifetime: f64) -> Vec<Object> {
        births.into_iter().map(|birth| (birth, birth + lifetime)).collect()
    }

    const LEAKING: [(&str, Program); 4] = [
        ("a cache without bound", |random| live_for(random.births(3000, -1.0, END), FOREVER)),
        ("one in a hundred stays", |random| {
            let births = random.births(100_000, -1.0, END);
            let objects = births.into_iter().enumerate();
            objects
                .map(|(at, birth)| (birth, birth + if at % 100 < 3 { FOREVER } else { 0.05 }))
                .collect()
        }),
        ("bursts", |random| {
            let births = (0..20).flat_map(|burst| {
                let start = f64::from(burst) * 0.35 - 1.0;
                random.births(150, start, start + 0.05)
            });
            live_for(births.collect(), FOREVER)
        }),
        ("a leak among garbage", AMONG_GARBAGE),
    ];

    /// A leak that is a hundredth of what its function allocates; the rest comes in bursts and is
    /// garbage, some of which each capture finds.
    const AMONG_GARBAGE: Program = |random| {
        let mut objects = live_for(random.births(2000, -1.0, END), FOREVER);
        for _ in 0..200 {
            let start = -1.0 + (END + 1.0) * random.next();
            let count = (8000.0 * random.next()) as usize;
            objects.extend(live_for(random.births(count, start, start + 0.1), 0.1));
        }
        objects
    };

    const SOUND: [(&str, Program); 9] = [
        ("a compiler, less and less often", |random| {
            let births = (0..4).flat_map(|_| {
                let start = -1.0 - 3.0 * random.next().ln();
                random.births(150, start, start + 0.01)
            });
            live_for(births.collect(), FOREVER)
        }),
        ("a full LRU cache", |random| live_for(random.births(8000, -3.0, END), 2.5)),
        ("a short-lived cache", |random| live_for(random.births(8000, -2.0, END), 0.7)),
        ("heavy garbage", |random| live_for(random.births(100_000, -1.0, END), 0.02)),
        ("a static table", |random| live_for(random.births(2000, -1.0, -0.5), FOREVER)),
        ("warm-up", |random| {
            let births = random.births(2000, 0.0, 1.0);
            live_for(
                births.into_iter().map(|at| -0.5 - (at * 0.999 + 0.001).ln() / 2.5).collect(),
                FOREVER,
            )
        }),
        ("a sawtooth", |random| {
            let births = random.births(8000, -1.0, END).into_iter();
            births.map(|birth| (birth, (birth / 1.3).ceil() * 1.3)).collect()
        }),
        ("a batch", |random| {
            let births = (0..4).flat_map(|batch| {
                let start = f64::from(batch) * 1.7 - 0.5;
                random.births(1000, start, start + 0.3)
            });
            live_for(births.collect(), 0.8)
        }),
        ("bursty load", |random| {
            let births = (0..12).flat_map(|burst| {
                let start = f64::from(burst) * 0.6 - 1.0 + 0.3 * random.next();
                let count = (1500.0 * random.next()) as usize;
                random.births(count, start, start + 0.1)
            });
            live_for(births.collect::<Vec<_>>(), 0.4)
        }),
    ];

    /// The captures that a sampled run of the programs leaves.
    fn run(programs: &[Program], seed: u64, size: u64) -> Vec<Profile> {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let p = size as f64 / estimate::sample_bytes(size, INTERVAL);
        let mut sampled: Vec<(f64, f64, u32)> = Vec::new();
        for (program, node_id) in programs.iter().zip(2..) {
            for (birth, death) in program(&mut random) {
                if random.next() < p {
                    sampled.push((birth, death, node_id));
                }
            }
        }
        sampled.sort_by(|one, other| one.0.total_cmp(&other.0));
        (0..CAPTURES).map(|at| capture(&sampled, at, programs.len(), size)).collect()
    }

    fn capture(sampled: &[(f64, f64, u32)], at: usize, programs: usize, size: u64) -> Profile {
        let calls: Vec<_> = (0..programs).map(|_| call("site")).collect();
        let mut profile = profile(&calls);
        for (node, line) in Arc::make_mut(&mut profile.parts_mut().nodes).iter_mut().zip(0..) {
            node.line_number = line;
        }
        let time = at as f64;
        let alive = sampled
            .iter()
            .zip(1..)
            .filter(|((birth, death, _), _)| *birth <= time && *death > time);
        profile.parts_mut().samples =
            Arc::new(alive.map(|((_, _, id), ordinal)| sample(*id, size, ordinal)).collect());
        let start = DateTime::from_timestamp_millis(1_700_000_000_000).unwrap();
        profile.parts_mut().metadata.taken_at = Some(start + TimeDelta::hours(at as i64));
        Profile::from_file(profile.parts_mut().clone())
    }

    fn call(name: &'static str) -> super::super::testing::Call {
        super::super::testing::Call { caller: 0, name, url: "/app/a.js", samples: &[] }
    }

    fn judge(profiles: &[Profile]) -> Leaks {
        let mut sites = Sites::new(Default::default());
        let captures = profiles.iter().enumerate();
        let captures = captures
            .map(|(at, profile)| Capture::of(profile, format!("{at}.heapprofile"), &mut sites))
            .collect();
        leaks(captures, &sites, usize::MAX)
    }

    /// In how many of a hundred runs the program is said to leak.
    fn leaking(program: Program) -> usize {
        (1..=100)
            .filter(|&seed| judge(&run(&[program], seed, 256)).verdict == Verdict::Leaking)
            .count()
    }

    #[test]
    fn leaks_are_found() {
        for (name, program) in LEAKING {
            let found = leaking(program);
            println!("{name}: {found}");
            assert!(found >= 95, "{name}: {found} of 100");
        }
    }

    #[test]
    fn sound_programs_raise_no_alarm() {
        for (name, program) in SOUND {
            let found = leaking(program);
            println!("{name}: {found}");
            assert!(found <= 2, "{name}: {found} of 100");
        }
    }

    /// A leak at so many bytes an hour, beside three hundred sites of garbage.
    fn leak_of(bytes_per_hour: f64, seed: u64) -> Leaks {
        let size = 256;
        let mut random = Random(seed | 1);
        let p = size as f64 / estimate::sample_bytes(size, INTERVAL);
        let count = |rate: f64| (rate * (END + 1.0) / size as f64) as usize;
        let mut sampled = Vec::new();
        let mut add = |births: Vec<f64>, lifetime: f64, id: u32, random: &mut Random| {
            for birth in births {
                if random.next() < p {
                    sampled.push((birth, birth + lifetime, id));
                }
            }
        };
        let births = random.births(count(bytes_per_hour), -1.0, END);
        add(births, FOREVER, 2, &mut random);
        for id in 3..303 {
            let births = random.births(count(20.0 * f64::from(INTERVAL)), -1.0, END);
            add(births, 0.3, id, &mut random);
        }
        sampled.sort_by(|one, other| one.0.total_cmp(&other.0));
        let profiles: Vec<_> = (0..CAPTURES).map(|at| capture(&sampled, at, 301, size)).collect();
        judge(&profiles)
    }

    #[test]
    fn the_least_leak_that_is_said_to_be_detectable_is_found_among_many_sites() {
        let detectable = leak_of(0.0, 1).detectable.unwrap();
        let (mut found, mut false_alarms) = (0, 0);
        for seed in 1..=100 {
            let leaks = leak_of(detectable, seed * 7919);
            let leaking = leaks.sites.iter().take_while(|site| site.verdict == Verdict::Leaking);
            let lines: Vec<i32> = leaking.map(|site| site.frame.line_number).collect();
            found += usize::from(lines.contains(&1));
            false_alarms += lines.iter().filter(|&&line| line != 1).count();
        }
        println!("{found} of 100, {false_alarms} false");
        assert!(found >= 90 && false_alarms <= 2, "{found} of 100, {false_alarms} false");
    }

    #[test]
    fn says_how_much_and_how_sure() {
        let rate = 60.0 * f64::from(INTERVAL);
        let leaks = leak_of(rate, 12_345);
        let site = &leaks.sites[0];
        assert_eq!((site.verdict, site.reason), (Verdict::Leaking, Reason::OldObjectsStay));
        let growth = site.growth_bytes_per_hour;
        assert!(growth.low.unwrap() < rate && rate < growth.high.unwrap(), "{growth:?}");
        assert!(site.retention.unwrap().estimate > 0.99);
        assert!(site.share.unwrap() > 0.8);
        assert_eq!(leaks.snapshots.len(), CAPTURES);
        assert_eq!(leaks.span_ms, Some(END * 3_600_000.0));
    }

    #[test]
    fn two_captures_are_too_few_and_it_says_what_is_missing() {
        let profiles = run(&[LEAKING[0].1], 1, 256);
        let leaks = judge(&profiles[..2]);
        assert_eq!((leaks.verdict, leaks.detectable), (Verdict::Growing, None));
        let site = &leaks.sites[0];
        assert_eq!((site.reason, site.retention), (Reason::TooFewOldObjects, None));
        assert_eq!(site.needs.unwrap().snapshots, 3);
        assert_eq!(judge(&profiles[..5]).verdict, Verdict::Leaking);
        assert_eq!(judge(&profiles[..1]).verdict, Verdict::Steady);
        assert_eq!(judge(&[]).verdict, Verdict::Steady);
    }

    #[test]
    fn what_came_at_a_few_moments_is_no_proof_and_it_says_how_many_captures_would_be() {
        let moments: Program = |random| {
            let births = [0.5, 2.5, 4.5].map(|start| random.births(300, start, start + 0.01));
            live_for(births.concat(), FOREVER)
        };
        let leaks = judge(&run(&[moments], 1, 256));
        let site = &leaks.sites[0];
        assert_eq!((site.verdict, site.reason), (Verdict::Growing, Reason::TooFewMoments));
        assert!(site.needs.is_some_and(|needs| needs.snapshots < 5), "{:?}", site.needs);
        assert_eq!(site.needs.unwrap().sample_interval_bytes, None);
    }

    #[test]
    fn captures_may_come_in_any_order_and_of_several_sessions() {
        let mut profiles = run(&[LEAKING[0].1], 1, 256);
        profiles.reverse();
        profiles[6].parts_mut().metadata.session_id = Some("another".into());
        let leaks = judge(&profiles);
        assert_eq!(leaks.verdict, Verdict::Leaking);
        let other = OtherSession { verdict: None, snapshots: vec!["6.heapprofile".into()] };
        assert_eq!(leaks.others, [other]);
        assert_eq!(leaks.snapshots[0], "5.heapprofile");
    }

    #[test]
    fn the_session_that_leaks_is_told_of_even_if_another_is_longer() {
        let mut profiles = run(&[SOUND[4].1], 1, 256);
        for mut profile in run(&[LEAKING[0].1], 2, 256).into_iter().skip(1) {
            profile.parts_mut().metadata.session_id = Some("worker".into());
            profiles.push(profile);
        }
        let leaks = judge(&profiles);
        assert_eq!((leaks.verdict, leaks.snapshots.len()), (Verdict::Leaking, CAPTURES - 1));
        assert_eq!(leaks.others.len(), 1);
        assert_eq!(leaks.others[0].verdict, Some(Verdict::Steady));
        assert_eq!(leaks.others[0].snapshots.len(), CAPTURES);
    }

    #[test]
    fn tells_what_became_of_each_cohort_and_of_live_bytes() {
        let objects: Program = |_| {
            // Ten of which three stay, and ten more that are gone two captures later.
            let born = |at: f64, lifetime: f64, count: usize| live_for(vec![at; count], lifetime);
            [born(0.5, FOREVER, 3), born(0.5, 1.0, 7), born(2.5, 2.0, 10)].concat()
        };
        // So large that each is sampled.
        let leaks = judge(&run(&[objects], 1, 1 << 30));
        let site = &leaks.sites[0];
        let size = f64::from(1 << 30);
        let held = site.history.iter().map(|moment| (moment.bytes / size).round());
        assert_eq!(held.collect::<Vec<_>>(), [0.0, 10.0, 3.0, 13.0, 13.0, 3.0, 3.0]);
        assert!(site.history.iter().all(|moment| moment.standard_error == Some(0.0)));
        let cohort = |snapshot, count: f64, survival: &[f64]| Cohort {
            snapshot,
            bytes: count * size,
            survival: survival.to_vec(),
        };
        let expected = [cohort(1, 10.0, &[0.3, 0.3, 0.3, 0.3, 0.3]), cohort(3, 10.0, &[1.0])];
        assert_eq!(site.cohorts, expected);
    }

    #[test]
    fn copies_of_a_capture_are_one() {
        let profile = || run(&[LEAKING[0].1], 1, 256).remove(0);
        assert_eq!(judge(&[profile(), profile()]).snapshots.len(), 1);
        let timeless = || {
            let mut profile = profile();
            profile.parts_mut().metadata.session_id = None;
            profile
        };
        let leaks = judge(&[timeless(), timeless()]);
        assert_eq!((leaks.verdict, leaks.snapshots.len()), (Verdict::Steady, 2));
        assert_eq!(leaks.growth_bytes_per_hour.estimate, 0.0);
    }

    #[test]
    fn without_times_files_are_in_the_order_of_the_numbers_in_their_names() {
        let profiles: Vec<Profile> = (1..=12)
            .map(|megabytes| {
                let mut profile = profile(&[call("site")]);
                let bytes = f64::from(megabytes) * 1e6;
                let stated = Arc::new(vec![Stated { node: 1, bytes, objects: None }]);
                let parts = profile.parts_mut().clone();
                Profile::from_file(Parts { metadata: Metadata::default(), stated, ..parts })
            })
            .collect();
        let leaks = judge(&profiles);
        assert_eq!(leaks.snapshots[2], "2.heapprofile");
        assert_eq!((leaks.verdict, leaks.sites[0].reason), (Verdict::Growing, Reason::NoSession));
        assert_eq!(judge(&profiles[..2]).sites[0].growth_bytes_per_hour, Interval::unknown(1e6));
    }

    #[test]
    fn without_a_session_only_growth_is_told() {
        let profiles: Vec<Profile> = run(&[LEAKING[0].1], 1, 256)
            .into_iter()
            .map(|mut profile| {
                let sizes = profile.totals().self_sizes.clone();
                let stated =
                    (0..).zip(sizes).map(|(node, bytes)| Stated { node, bytes, objects: None });
                Profile::from_file(Parts {
                    metadata: Metadata::default(),
                    samples: Arc::default(),
                    stated: Arc::new(stated.collect()),
                    ..profile.parts_mut().clone()
                })
            })
            .collect();
        let leaks = judge(&profiles);
        assert!(leaks.growth_only);
        assert_eq!((leaks.verdict, leaks.span_ms), (Verdict::Growing, None));
        assert_eq!(leaks.sites[0].reason, Reason::NoSession);
        assert_eq!(leaks.sites[0].live_bytes.low, None);
    }
}
