//! What stays of what was born between two captures.

use super::history::{Life, Track};
use crate::analysis::statistics::Share;

/// Of the sampled objects of the first so many cohorts that were still there at the capture after: the part
/// that is there in the last one; by the number of cohorts, from none to all. Each object counts once: an array
/// that grows is copied to a larger one and dies, which would hide all that it holds if bytes counted. By then
/// garbage has been collected, and what is left is what was kept. The first capture has no cohort.
pub fn retention(track: &Track, last: usize) -> Vec<Share> {
    let mut shares = vec![Share::default(); last.max(1) + 1];
    for life in &track.lives {
        let grew_old = life.last > life.first && life.first + 1 < last;
        if life.first > 0 && grew_old {
            shares[life.first].add(1.0, life.last == last);
        }
    }
    for cohorts in 1..shares.len() {
        let fewer = shares[cohorts - 1];
        shares[cohorts].merge(&fewer);
    }
    shares
}

/// Of the sampled objects that came since the first capture and stay, and those that grew old and died,
/// however old: the part that stays. What only renews itself has as many of the one as of the other.
pub fn renewal(track: &Track, last: usize) -> Share {
    let mut share = Share::default();
    for life in &track.lives {
        let (grew_old, stays) = (life.last > life.first, life.last == last);
        if grew_old && life.first + 1 < last && (life.first > 0 || !stays) {
            share.add(1.0, stays);
        }
    }
    share
}

/// What each cohort left in the last capture, sampled objects an hour. The first capture has no cohort, and the
/// last one's has not outlived a capture. Objects that came at one moment are one piece of evidence,
/// however many they are; so the scatter of the cohorts is what tells how sure their mean is.
pub fn left_by_cohorts(track: &Track, hours: &[f64]) -> Vec<f64> {
    let last = hours.len().saturating_sub(1);
    let mut left = vec![0.0; last.saturating_sub(1)];
    for life in track.lives.iter().filter(|life| life.last == last) {
        if (1..last).contains(&life.first) {
            left[life.first - 1] += 1.0 / (hours[life.first] - hours[life.first - 1]);
        }
    }
    left
}

/// Parts of the observation, each with as much allocated.
const PARTS: usize = 20;

/// When the sampled objects were born that are there in the last capture. Time is counted in allocated bytes,
/// from one ordinal to another: busy hours are long, and it needs no captures between.
pub struct Births {
    /// After the one ordinal, the earliest first.
    at: Vec<u64>,
    /// From it to the other.
    length: u64,
}

impl Births {
    /// Of those that were born after one ordinal, and until another.
    pub fn of_what_is_left(track: &Track, from: u64, to: u64, last: usize) -> Births {
        // Not `from + 1`: a file may say that this is the last ordinal there can be.
        let is_left = |life: &&Life| life.last == last && from < life.ordinal && life.ordinal <= to;
        let left = track.lives.iter().filter(is_left);
        let mut at: Vec<u64> = left.map(|life| life.ordinal - from - 1).collect();
        at.sort_unstable();
        Births { at, length: to.saturating_sub(from) }
    }

    /// How many there were in each of twenty parts of the time.
    pub fn by_parts(&self) -> [f64; PARTS] {
        count(self.at.iter().copied(), self.length)
    }

    /// The same with time counted in what else was allocated: what came at once came at one moment,
    /// however much it was.
    pub fn by_moments(&self) -> [f64; PARTS] {
        let others = (0..).zip(&self.at).map(|(own, at)| at.saturating_sub(own));
        count(others, self.length.saturating_sub(self.at.len() as u64))
    }
}

fn count(births: impl Iterator<Item = u64>, length: u64) -> [f64; PARTS] {
    let mut parts = [0.0; PARTS];
    for at in births {
        let part = at as f64 / length.max(1) as f64 * PARTS as f64;
        parts[(part as usize).min(PARTS - 1)] += 1.0;
    }
    parts
}
