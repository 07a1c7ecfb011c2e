//! What stays of what was born between two captures.

use super::history::Track;
use crate::analysis::statistics::{Mean, Share};

/// Of the objects of the first so many cohorts that were still there at the capture after: the part
/// that is there in the last one. By then garbage has been collected, and what is left is what was kept.
/// The first capture has no cohort.
pub fn retention(track: &Track, cohorts: usize, last: usize) -> Share {
    let mut share = Share::default();
    for life in &track.lives {
        let grew_old = life.last > life.first && life.first + 1 < last;
        if (1..=cohorts).contains(&life.first) && grew_old {
            share.add(life.bytes, life.last == last);
        }
    }
    share
}

/// What each cohort left in the last capture, bytes an hour. The first capture has no cohort, and the
/// last one's has not outlived a capture. Objects that came at one moment are one piece of evidence,
/// however many they are; so the scatter of the cohorts is what tells how sure their mean is.
pub fn left_by_cohorts(track: &Track, hours: &[f64]) -> Mean {
    let last = hours.len().saturating_sub(1);
    let mut left = vec![0.0; last.saturating_sub(1)];
    for life in track.lives.iter().filter(|life| life.last == last) {
        if (1..last).contains(&life.first) {
            left[life.first - 1] += life.bytes / (hours[life.first] - hours[life.first - 1]);
        }
    }
    Mean::of(&left)
}
