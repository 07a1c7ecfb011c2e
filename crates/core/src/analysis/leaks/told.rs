//! What an answer tells of the captures one by one: of a few of many, as it would else grow with the
//! square of their number.

use super::answer::{Cohort, Moment};
use super::history::{Life, Track, sums_by_capture};

/// Captures that are told of at most.
const MAX_TOLD: usize = 64;

/// The captures that are told of: all, or of many some that are spread evenly from the first to the
/// last. What is told is what would be if no others had been taken.
pub struct Told(Vec<usize>);

impl Told {
    /// Of so many captures.
    pub fn of(captures: usize) -> Told {
        if captures <= MAX_TOLD {
            return Told((0..captures).collect());
        }
        Told((0..MAX_TOLD).map(|at| at * (captures - 1) / (MAX_TOLD - 1)).collect())
    }

    /// Their numbers.
    pub fn into_captures(self) -> Vec<usize> {
        self.0
    }

    /// Live bytes in each of them.
    pub fn moments(&self, track: &Track, is_sampled: bool) -> Vec<Moment> {
        let track = self.thinned(track);
        let variances = sums_by_capture(&track.lives, self.0.len(), |life| life.variance);
        let moment = |(bytes, variance): (f64, f64)| Moment {
            bytes,
            standard_error: is_sampled.then(|| variance.sqrt()),
        };
        track.live_bytes(self.0.len()).into_iter().zip(variances).map(moment).collect()
    }

    /// What was born between two of them. What the first one has is no cohort: it was born any time
    /// before.
    pub fn cohorts(&self, track: &Track) -> Vec<Cohort> {
        let mut lives = self.thinned(track).lives;
        lives.retain(|life| life.first > 0);
        lives.sort_by_key(|life| life.first);
        lives
            .chunk_by(|one, other| one.first == other.first)
            .map(|born| self.cohort(born))
            .collect()
    }

    /// Of objects that were born together, one at least.
    fn cohort(&self, lives: &[Life]) -> Cohort {
        let first = lives[0].first;
        let end = lives.iter().fold(first, |end, life| end.max(life.last));
        let mut left = vec![0.0; end - first + 1];
        for life in lives {
            left[life.last - first] += life.bytes;
        }
        // Each has what ends with it and what the next one has.
        for at in (1..left.len()).rev() {
            left[at - 1] += left[at];
        }
        let survival = left[1..].iter().map(|part| part / left[0]).collect();
        Cohort { snapshot: self.0[first], bytes: left[0], survival }
    }

    /// The track of these captures alone, by their place among them.
    fn thinned(&self, track: &Track) -> Track {
        let lives = track.lives.iter().filter_map(|life| {
            let first = self.0.partition_point(|&capture| capture < life.first);
            let end = self.0.partition_point(|&capture| capture <= life.last);
            (first < end).then(|| Life { first, last: end - 1, ..*life })
        });
        let stated = self.0.iter().filter_map(|&capture| track.stated.get(capture));
        Track { lives: lives.collect(), stated: stated.copied().collect() }
    }
}
