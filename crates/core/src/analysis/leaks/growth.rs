//! How fast live bytes grow: the slope of a line through them, and how far it may be off.

use super::history::{History, Life, Track};
use crate::analysis::interval::Interval;
use crate::analysis::statistics::{Line, normal, student95};

/// The growth of a site.
#[derive(Clone, Copy)]
pub struct Growth {
    /// Bytes an hour.
    slope: f64,
    /// The variance of the slope that sampling brings.
    sampling: f64,
    /// That which the scatter of the points tells.
    scatter: f64,
    /// See [`Growth::student`].
    student: f64,
    /// Whether samples or a scatter tell of errors.
    has_bounds: bool,
}

impl Growth {
    /// Of a track of that history; none without time between the captures. `student` is
    /// [`Growth::student`] of the history.
    pub fn fit(history: &History, track: &Track, student: f64) -> Option<Growth> {
        let hours = &history.hours;
        if hours.first() == hours.last() {
            return None;
        }
        let sum =
            |value: fn(&Life) -> f64| track.lives.iter().fold(0.0, |sum, life| sum + value(life));
        let (bytes, variance) = (sum(|life| life.bytes), sum(|life| life.variance));
        let per_byte = if bytes > 0.0 { variance / bytes } else { 0.0 };
        let line = Line::fit(hours, &track.live_bytes(hours.len()), per_byte);
        Some(Growth {
            slope: line.slope,
            sampling: sampling_variance(&line, &track.lives),
            scatter: line.scatter,
            student,
            has_bounds: history.interval.is_some() || hours.len() > 2,
        })
    }

    /// 97.5th percentile of Student's t for the scatter of the points of that history.
    pub fn student(history: &History) -> f64 {
        student95(history.captures().saturating_sub(2))
    }

    /// The slope, if sampling errors are bounded by `z` standard errors.
    pub fn within(&self, z: f64) -> Interval {
        let half = (z * z * self.sampling + self.student.powi(2) * self.scatter).sqrt();
        Interval::around(self.slope, half)
    }

    /// The slope, if there were no other errors than those of sampling, bounded by `z` standard errors.
    pub fn sampled(&self, z: f64) -> Interval {
        Interval::around(self.slope, z * self.sampling.sqrt())
    }

    /// The slope with its 95 % interval; without bounds where nothing tells of errors.
    pub fn interval95(&self) -> Interval {
        if self.has_bounds { self.within(normal(0.975)) } else { Interval::unknown(self.slope) }
    }
}

/// The growth of what was measured at those hours: bytes an hour. None if that does not tell how sure it is:
/// of too few, or of what is the same always, as no heap is.
pub fn of_measured(hours: &[f64], bytes: &[f64]) -> Option<Interval> {
    if hours.len() < 3 || hours.first() == hours.last() {
        return None;
    }
    if bytes.iter().all(|&value| value == bytes[0]) {
        return None;
    }
    let Line { slope, scatter, .. } = Line::fit(hours, bytes, 0.0);
    Some(Interval::around(slope, student95(hours.len() - 2) * scatter.sqrt()))
}

/// The slope is a sum over the objects, each with the weights of the captures that have it.
fn sampling_variance(line: &Line, lives: &[Life]) -> f64 {
    let mut sums = vec![0.0];
    sums.extend(line.weights.iter().scan(0.0, |sum, weight| {
        *sum += weight;
        Some(*sum)
    }));
    let variance = |life: &Life| life.variance * (sums[life.last + 1] - sums[life.first]).powi(2);
    lives.iter().map(variance).sum()
}
