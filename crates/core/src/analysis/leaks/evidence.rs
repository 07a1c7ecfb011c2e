//! How much evidence a verdict takes: which leak would have been found, and what more would tell.

use super::FEWEST_CAPTURES;
use super::answer::{Needs, Reason};
use super::judge::{Judge, Judgement};
use crate::analysis::statistics::{normal, student95};

/// Old objects that a leak must be expected to have for 95 of 100 to have four, the fewest that can
/// show that more than half of them stay: with a mean of 7.75 a Poisson variable is at least 4.
const OLD_OBJECTS: f64 = 7.75;

impl Judge<'_> {
    /// The smallest leak that would have been found in 95 of 100 cases, bytes an hour; none if no leak
    /// could have been. Enough objects must grow old, the slope must stand out (that of a growing
    /// count of `k` has a standard error of sqrt(6 / 5 / k) of it, as that of any random walk), and so
    /// must the mean of the cohorts.
    pub fn detectable(&self) -> Option<f64> {
        let captures = self.history.captures();
        let interval = self.history.interval.filter(|_| captures >= FEWEST_CAPTURES)?;
        let pairs_span = self.growing.span_hours();
        let cohorts = captures.saturating_sub(2);
        let slope = 1.2 * (self.z + normal(0.95)).powi(2);
        let mean = (student95(cohorts.saturating_sub(1)) + normal(0.95)).powi(2);
        let per_hour = [OLD_OBJECTS / self.birth_hours(), slope / pairs_span, mean / pairs_span];
        let per_hour = per_hour.into_iter().fold(0.0, f64::max);
        Some(per_hour * f64::from(interval))
    }

    /// What would turn a suspicion into a verdict.
    pub fn needs(&self, judgement: &Judgement) -> Option<Needs> {
        let interval = self.history.interval?;
        let last = self.last();
        let lives = &self.history.tracks[&judgement.site].lives;
        let stayed = lives.iter().filter(|life| life.first > 0 && life.last == last).count();
        if stayed == 0 {
            return None;
        }
        let more = |captures: usize| captures.saturating_sub(self.history.captures()).max(1) as u32;
        match judgement.reason {
            Reason::TooFewMoments => {
                let captures = judgement.cohorts.count_needed()? + 2;
                Some(Needs { snapshots: more(captures), sample_interval_bytes: None })
            }
            Reason::TooFewOldObjects => {
                let per_step = stayed as f64 / last as f64;
                let step = self.history.span_hours() / last as f64;
                let old = per_step * (self.birth_hours() / step).max(1.0);
                let finer = (f64::from(interval) * old / OLD_OBJECTS).max(1.0) as u32;
                // Births in the last two steps cannot grow old.
                let steps = (OLD_OBJECTS / per_step).ceil() as usize + 2;
                let snapshots = more((steps + 1).max(FEWEST_CAPTURES));
                let sample_interval_bytes = Some(finer).filter(|&finer| finer < interval);
                Some(Needs { snapshots, sample_interval_bytes })
            }
            _ => None,
        }
    }

    /// The time in which objects can be born that grow old, see [`super::retention`].
    fn birth_hours(&self) -> f64 {
        let hours = &self.history.hours;
        hours.len().checked_sub(3).map_or(0.0, |at| hours[at])
    }
}
