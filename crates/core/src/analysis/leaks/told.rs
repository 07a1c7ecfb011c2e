//! What an answer tells of the captures one by one: of a few of many, as it would else grow with the
//! square of their number.

use super::answer::{Cohort, Moment};
use super::history::{Life, Track, sums_by_capture};

/// Captures that are told of at most.
const MAX_TOLD: usize = 64;

/// The captures that are told of, by their place among those that were judged: all, or of many some
/// that are spread evenly from the first to the last. What is told is what would be if no others had
/// been taken.
pub struct Told<'a> {
    places: Vec<usize>,
    /// The number of each capture that was judged among all.
    numbers: &'a [usize],
}

impl Told<'_> {
    /// Of those that were judged, which have these numbers among all.
    pub fn of(numbers: &[usize]) -> Told<'_> {
        let captures = numbers.len();
        let places = if captures <= MAX_TOLD {
            (0..captures).collect()
        } else {
            (0..MAX_TOLD).map(|at| at * (captures - 1) / (MAX_TOLD - 1)).collect()
        };
        Told { places, numbers }
    }

    /// Captures that come to one of those that were judged.
    pub fn pace(&self) -> f64 {
        let all = self.numbers.last().map_or(0, |&last| last + 1);
        all as f64 / self.numbers.len().max(1) as f64
    }

    /// Their numbers among all captures.
    pub fn captures(&self) -> Vec<usize> {
        self.places.iter().map(|&place| self.numbers[place]).collect()
    }

    /// Live bytes in each of them.
    pub fn moments(&self, track: &Track, is_sampled: bool) -> Vec<Moment> {
        let track = track.only(&self.places);
        let variances = sums_by_capture(&track.lives, self.places.len(), |life| life.variance);
        let moment = |(bytes, variance): (f64, f64)| Moment {
            bytes,
            standard_error: is_sampled.then(|| variance.sqrt()),
        };
        track.live_bytes(self.places.len()).into_iter().zip(variances).map(moment).collect()
    }

    /// What was born between two of them. What the first one has is no cohort: it was born any time
    /// before.
    pub fn cohorts(&self, track: &Track) -> Vec<Cohort> {
        let mut lives = track.only(&self.places).lives;
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
            left[life.last - first] += 1.0;
        }
        // Each has what ends with it and what the next one has.
        for at in (1..left.len()).rev() {
            left[at - 1] += left[at];
        }
        let survival = left[1..].iter().map(|part| part / left[0]).collect();
        let bytes = lives.iter().map(|life| life.bytes).sum();
        Cohort { snapshot: self.numbers[self.places[first]], bytes, survival }
    }
}
