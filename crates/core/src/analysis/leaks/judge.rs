//! The verdict on each site: the questions of doc/leaks.md, one after the other.

use std::cmp::Ordering;
use std::ops::RangeInclusive;

use super::FEWEST_CAPTURES;
use super::answer::{Reason, Verdict};
use super::growth::Growth;
use super::history::{History, Life, Track};
use super::retention::{Births, left_by_cohorts, renewal, retention};
use crate::analysis::interval::Interval;
use crate::analysis::statistics::{Mean, Share, normal};
use crate::profile::estimate::Total;

/// A site that goes on growing does so at a fifth of its former rate at least: in the younger half of the
/// time, compared with the older one.
const GOES_ON: f64 = 0.2;

/// And in the last quarter at a tenth of its average rate.
const STILL_GOES_ON: f64 = 0.1;

/// Growth of less than this part of the heap may come and go elsewhere in it.
const PART_OF_HEAP: f64 = 0.2;

/// A site leaks if more than half of what grew old in it stays.
const STAYS: f64 = 0.5;

/// What is found out about a site.
pub struct Judgement {
    /// Which one.
    pub site: u32,
    /// What decided.
    pub reason: Reason,
    /// In the last capture.
    pub live_bytes: Interval,
    /// Bytes an hour.
    pub growth: Interval,
    /// See [`retention`].
    pub retention: Share,
    /// What is left of when: see [`left_by_cohorts`].
    pub cohorts: Mean,
    /// Sampled objects that came since the first capture and are there in the last.
    pub came: usize,
    /// Those of them that grew old.
    pub left: usize,
    /// So many of the first cohorts have objects enough to be sure that they stay; none if all have not.
    pub sure_cohorts: Option<usize>,
    /// How many cohorts left something.
    pub lasting_cohorts: usize,
    /// See [`Births::by_moments`].
    pub moments: Mean,
    /// See [`Track::is_on_heap`].
    pub is_on_heap: bool,
    /// Whether it is of a function with those that call it or that it calls, see [`super::family`].
    pub is_family: bool,
}

impl Judgement {
    /// What follows from the reason.
    pub fn verdict(&self) -> Verdict {
        self.reason.verdict()
    }

    /// Those that leak, those that grow, both by growth, and steady ones by what they hold.
    pub fn worst_first(&self, other: &Judgement) -> Ordering {
        let within = match self.verdict() {
            Verdict::Steady | Verdict::Unknown => {
                other.live_bytes.estimate.total_cmp(&self.live_bytes.estimate)
            }
            _ => other.growth.estimate.total_cmp(&self.growth.estimate),
        };
        self.verdict().cmp(&other.verdict()).then(within)
    }
}

/// What became of the objects of a site that grew old.
struct OldObjects {
    /// By the number of cohorts, see [`retention`].
    retention: Vec<Share>,
    /// See [`renewal`].
    renewal: Share,
    /// How those that stay came: by twentieths of the time, and by cohorts.
    coming: [Coming; 2],
}

/// Judges the sites of a session.
pub struct Judge<'a> {
    /// What became of the objects of each site.
    pub history: &'a History,
    /// What growth is told from, see [`History::of_pairs`].
    pub growing: &'a History,
    /// Standard errors that a slope must exceed to be no chance among as many sites.
    pub z: f64,
    /// See [`Growth::student`].
    student: f64,
    /// Whether there was a full garbage collection between the captures, as far as is known.
    is_looked_at: bool,
    /// See [`History::clock`].
    clock: Vec<u64>,
    /// V8's heap as a whole, if captures tell.
    heap: Option<Heap>,
    /// The growth of all live bytes.
    pub whole: Interval,
}

/// V8's heap as a whole.
#[derive(Clone, Copy)]
pub struct Heap {
    /// Bytes in use in the last capture.
    pub used: f64,
    /// Bytes an hour.
    pub growth: Interval,
}

impl Judge<'_> {
    /// Of that session.
    pub fn new<'a>(
        history: &'a History,
        growing: &'a History,
        is_looked_at: bool,
        heap: Option<Heap>,
    ) -> Judge<'a> {
        let has_births = |track: &&Track| track.lives.iter().any(|life| life.first > 0);
        let tested = growing.tracks.values().filter(has_births).count().max(1);
        // Bonferroni: one of all these tests is wrong in 2.5 of 100 cases.
        let (z, student) = (normal(1.0 - 0.025 / tested as f64), Growth::student(growing));
        let whole = interval95(Growth::fit(growing, &growing.whole(), student));
        Judge { history, growing, z, student, is_looked_at, clock: history.clock(), heap, whole }
    }

    /// The growth of some objects, bytes an hour.
    pub fn growth(&self, track: &Track) -> Interval {
        interval95(Growth::fit(self.growing, &self.growing_part(track), self.student))
    }

    /// The verdict on a site.
    pub fn judge(&self, site: u32) -> Judgement {
        self.find(site, &self.history.tracks[&site], &self.growing.tracks[&site])
    }

    /// The same, if these were its objects.
    pub fn judge_track(&self, site: u32, track: &Track) -> Judgement {
        self.find(site, track, &self.growing_part(track))
    }

    /// What is found out about a site of these objects, and of those that growth is told from.
    fn find(&self, site: u32, track: &Track, growing: &Track) -> Judgement {
        let growth = Growth::fit(self.growing, growing, self.student);
        let retention = retention(track, self.last());
        // What the last capture is the first to have has not outlived one.
        let (from, to) = (self.clock[0], self.clock[self.last().saturating_sub(1)]);
        let births = Births::of_what_is_left(track, from, to, self.last());
        let cohorts = left_by_cohorts(track, &self.history.hours);
        let mut judgement = Judgement {
            site,
            reason: Reason::NoCollection,
            live_bytes: self.live_bytes(track),
            growth: interval95(growth),
            retention: retention[self.last()],
            cohorts: Mean::of(&cohorts),
            came: left_of(track, 1..=self.last(), self.last()),
            left: left_of(track, 1..=self.last().saturating_sub(1), self.last()),
            sure_cohorts: self.sure_cohorts(&retention),
            lasting_cohorts: cohorts.iter().filter(|&&left| left > 0.0).count(),
            is_on_heap: track.is_on_heap(),
            is_family: false,
            moments: Mean::of(&births.by_moments()),
        };
        let old = OldObjects {
            renewal: renewal(track, self.last()),
            coming: [Coming::of(&births.by_parts()), Coming::of(&cohorts)],
            retention,
        };
        judgement.reason = self.reason(growing, growth, &judgement, &old);
        judgement
    }

    /// What its growth is told from.
    fn growing_part(&self, track: &Track) -> Track {
        let is_of_pairs = self.growing.captures() < self.history.captures();
        if is_of_pairs { track.of_pairs() } else { track.clone() }
    }

    /// The last capture. Who asks has a track, which some capture left.
    pub fn last(&self) -> usize {
        self.history.captures().saturating_sub(1)
    }

    fn reason(
        &self,
        growing: &Track,
        growth: Option<Growth>,
        found: &Judgement,
        old: &OldObjects,
    ) -> Reason {
        if !self.is_looked_at {
            return Reason::NoCollection;
        }
        if !growth.is_some_and(|growth| growth.sampled(self.z).is_positive()) {
            return Reason::NoGrowth;
        }
        if self.history.captures() > 2 && !self.goes_on(growing) {
            return Reason::Plateau;
        }
        if self.history.interval.is_none() {
            return Reason::NoSession;
        }
        let came_often =
            found.cohorts.interval95().is_positive() || found.moments.interval95().is_positive();
        match found.retention.bounds95() {
            (_, high) if high < STAYS => Reason::OldObjectsDie,
            _ if self.lets_go(&old.retention) => Reason::OldestObjectsDie,
            _ if old.renewal.bounds95().1 < STAYS => Reason::OldestObjectsDie,
            (low, _) if low <= STAYS || !self.oldest_stay(&old.retention) => {
                Reason::TooFewOldObjects
            }
            _ if old.renewal.bounds95().0 <= STAYS => Reason::TooFewOldObjects,
            _ if !old.coming.iter().all(Coming::goes_on) => Reason::Plateau,
            _ if !old.coming.iter().all(Coming::began_early) => Reason::TooFewOldObjects,
            _ if !came_often || self.history.captures() < FEWEST_CAPTURES => Reason::TooFewMoments,
            _ if self.is_small(&found.growth) => Reason::TooFewOldObjects,
            _ if self.heap_stands_still(&found.growth) => Reason::HeapStandsStill,
            _ => Reason::OldObjectsStay,
        }
    }

    /// Whether it is no leak that is promised to be found. A dozen objects that stay may be what V8 has compiled, or
    /// the last new ones of a cache that is warm.
    fn is_small(&self, grows: &Interval) -> bool {
        self.detectable().is_some_and(|least| grows.high.is_some_and(|high| high < least))
    }

    /// Whether all live bytes, or the heap, grow by less than half of it: what was allocated elsewhere, or
    /// before sampling began, goes as this comes.
    fn heap_stands_still(&self, grows: &Interval) -> bool {
        let half = grows.estimate / 2.0;
        let whole = self.whole;
        let grown = grows.estimate * self.history.span_hours();
        let heap_does = self.heap.is_some_and(|Heap { used, growth }| {
            // What is little may come and go elsewhere.
            grown >= PART_OF_HEAP * used && growth.high.is_some_and(|high| high < half)
        });
        heap_does || !whole.is_positive() && whole.estimate < half && whole.high <= grows.high
    }

    /// Whether most of the oldest cohorts, of some number, are gone. What is bounded lets those go first:
    /// a cache's youngest objects are all there, and of all cohorts together most may be.
    fn lets_go(&self, retention: &[Share]) -> bool {
        (1..self.last()).any(|cohorts| retention[cohorts].bounds95().1 < STAYS)
    }

    /// Whether it is sure that most of the older half of the cohorts are there: however young are all that
    /// grew, it may let them go when they are as old.
    fn oldest_stay(&self, retention: &[Share]) -> bool {
        retention[older_half(self.last())].bounds95().0 > STAYS
    }

    fn sure_cohorts(&self, retention: &[Share]) -> Option<usize> {
        (1..self.last()).find(|&cohorts| retention[cohorts].bounds95().0 > STAYS)
    }

    /// Whether it grew in the second half of the time, and at a rate to speak of.
    fn goes_on(&self, track: &Track) -> bool {
        let (hours, last) = (&self.growing.hours, self.growing.captures() - 1);
        let middle = last / 2;
        let bytes = track.live_bytes(hours.len());
        let rate = |from: usize, to: usize| (bytes[to] - bytes[from]) / (hours[to] - hours[from]);
        let growth = match self.growing.interval {
            Some(_) => {
                let (came, went) = changes(&track.lives, middle, last);
                Interval::difference(&came, &went)
            }
            None => Interval::unknown(bytes[last] - bytes[middle]),
        };
        growth.is_positive() && rate(middle, last) >= GOES_ON * rate(0, middle)
    }

    fn live_bytes(&self, track: &Track) -> Interval {
        let last = self.last();
        let total = total_of(track.lives.iter().filter(|life| life.last == last));
        let stated = track.stated.get(last).copied().unwrap_or_default();
        if self.history.interval.is_some() {
            Interval::of(&total, stated)
        } else {
            Interval::unknown(total.estimate + stated)
        }
    }
}

/// How what stays came, by parts of the time.
struct Coming {
    /// On average of the older half of the parts, and of the younger.
    older: f64,
    younger: f64,
    /// Of the last quarter, and of all.
    latest: f64,
    all: f64,
}

impl Coming {
    fn of(parts: &[f64]) -> Coming {
        let mean = |parts: &[f64]| parts.iter().sum::<f64>() / parts.len().max(1) as f64;
        let (older, younger) = parts.split_at(parts.len() / 2);
        let latest = &parts[parts.len() - parts.len().div_ceil(4)..];
        Coming {
            older: mean(older),
            younger: mean(younger),
            latest: mean(latest),
            all: mean(parts),
        }
    }

    /// Whether it did in the younger half at a rate to speak of, and in the last quarter.
    fn goes_on(&self) -> bool {
        self.younger >= GOES_ON * self.older && self.latest >= STILL_GOES_ON * self.all
    }

    /// Whether it did in the older half at a rate to speak of: if what is old is little, what stays may be
    /// other objects than those that grow.
    fn began_early(&self) -> bool {
        self.older >= GOES_ON * self.younger
    }
}

/// Sampled objects of those cohorts that are there in the last capture.
fn left_of(track: &Track, cohorts: RangeInclusive<usize>, last: usize) -> usize {
    let is_left = |life: &&Life| cohorts.contains(&life.first) && life.last == last;
    track.lives.iter().filter(is_left).count()
}

/// Of the cohorts that can have grown old by the last capture, how many are the older half: one at least.
pub fn older_half(last: usize) -> usize {
    (last.saturating_sub(1) / 2).max(1)
}

fn interval95(growth: Option<Growth>) -> Interval {
    growth.map_or_else(Interval::default, |growth| growth.interval95())
}

/// What came and what went between two captures.
fn changes(lives: &[Life], from: usize, to: usize) -> (Total, Total) {
    let came = lives.iter().filter(|life| life.first > from && life.last >= to);
    let went = lives.iter().filter(|life| life.first <= from && (from..to).contains(&life.last));
    (total_of(came), total_of(went))
}

fn total_of<'a>(lives: impl Iterator<Item = &'a Life>) -> Total {
    lives.fold(Total::default(), |total, life| Total {
        estimate: total.estimate + life.bytes,
        variance: total.variance + life.variance,
        seen: total.seen + life.seen,
    })
}
