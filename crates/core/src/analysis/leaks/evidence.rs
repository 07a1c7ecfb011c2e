//! How much evidence a verdict takes: which leak would have been found, and what more would tell.

use super::FEWEST_CAPTURES;
use super::answer::{Needs, Reason};
use super::judge::{Judge, Judgement, older_half};
use crate::analysis::statistics::normal;

/// Objects of the older half of the cohorts that a leak must be expected to have for 98 of 100 to have four,
/// the fewest that can show that more than half of them stay: the mean of a Poisson variable.
const OLD_OBJECTS: f64 = 9.1;

/// The same of the second half of the time, for five, the fewest that are no chance against none that went.
const LATE_OBJECTS: f64 = 10.6;

/// The same of the times at which what stays came, for six.
const MOMENTS: f64 = 12.0;

/// Less than this part of what stays may well be less than half: more of the same would not tell.
const MAY_BE_SURE: f64 = 0.75;

/// What would take more than so many times the captures there are is not told: too much may change.
const MOST_TIMES: f64 = 10.0;

impl Judge<'_> {
    /// The smallest leak that would have been found in 95 of 100 cases, bytes an hour; none if no leak
    /// could have been. Enough objects must grow old in the older half of the time, enough come in the second
    /// half of it, and the slope must stand out (that of a growing count of `k` has a standard error of
    /// sqrt(6 / 5 / k) of it, as that of any random walk).
    pub fn detectable(&self) -> Option<f64> {
        let captures = self.history.captures();
        let interval = self.history.interval.filter(|_| captures >= FEWEST_CAPTURES)?;
        let (hours, span) = (&self.growing.hours, self.growing.span_hours());
        let late = span - hours[(hours.len() - 1) / 2];
        let slope = 1.2 * (self.z + normal(0.98)).powi(2);
        let older = self.history.hours[older_half(self.last())];
        let per_hour = [OLD_OBJECTS / older, LATE_OBJECTS / late, slope / span];
        Some(per_hour.into_iter().fold(0.0, f64::max) * f64::from(interval))
    }

    /// What would turn a suspicion into a verdict in 95 of 100 cases, if it goes on like this: so many
    /// captures more, of which `pace` come to one between which V8 has collected. None if nothing sure can be
    /// told.
    pub fn needs(&self, found: &Judgement, pace: f64) -> Option<Needs> {
        // When V8 will collect by itself nobody knows: of a few times how often says little.
        if pace > 1.0 && self.history.captures() < FEWEST_CAPTURES {
            return None;
        }
        let interval = self.history.interval?;
        let captures = self.history.captures() as f64;
        let needed = match found.reason {
            Reason::TooFewMoments => self.captures_for_moments(found),
            Reason::TooFewOldObjects => self.captures_for_old_objects(found),
            _ => None,
        }?;
        let needed = needed.max(FEWEST_CAPTURES as f64);
        if needed > MOST_TIMES * captures {
            return None;
        }
        let more = ((needed - captures) * pace).ceil().max(1.0);
        let finer =
            f64::from(interval) * (self.old_objects(found) / OLD_OBJECTS).min(self.part(found));
        let is_of_objects = found.reason == Reason::TooFewOldObjects && finer >= 1.0;
        let sample_interval_bytes =
            Some(finer as u32).filter(|&finer| is_of_objects && finer < interval);
        Some(Needs { snapshots: more as u32, sample_interval_bytes })
    }

    /// The older half must be sure: the first cohorts that are now, or else as many as come at this rate at
    /// least. And enough must come in the second half. Of two or three captures nothing has grown old: if much
    /// came, some more tell whether it stays.
    fn captures_for_old_objects(&self, found: &Judgement) -> Option<f64> {
        if found.retention.interval95().is_none() && self.history.captures() < FEWEST_CAPTURES {
            return Some(FEWEST_CAPTURES as f64).filter(|_| found.came as f64 >= LATE_OBJECTS);
        }
        let stays = found.retention.interval95()?.estimate;
        let per_cohort = least(found.left as f64) / self.last() as f64;
        if stays < MAY_BE_SURE || per_cohort <= 0.0 {
            return None;
        }
        let half = match found.sure_cohorts {
            Some(cohorts) => (cohorts as f64).max(LATE_OBJECTS / per_cohort),
            None => OLD_OBJECTS.max(LATE_OBJECTS) / per_cohort,
        };
        let needed = (2.0 * half + 3.0).max(self.history.captures() as f64 / self.part(found));
        (needed > self.history.captures() as f64).then_some(needed)
    }

    /// Which part of the least leak that would have been found it is.
    fn part(&self, found: &Judgement) -> f64 {
        self.detectable().map_or(1.0, |least| found.growth.estimate / least)
    }

    fn captures_for_moments(&self, found: &Judgement) -> Option<f64> {
        let cohorts = self.last().saturating_sub(1).max(1) as f64;
        let per_cohort = least(found.lasting_cohorts as f64) / cohorts;
        (per_cohort > 0.0).then(|| MOMENTS / per_cohort + 2.0)
    }

    /// Those of the older half of the cohorts that can be expected, at the rate at which they came at least.
    fn old_objects(&self, found: &Judgement) -> f64 {
        least(found.left as f64) * older_half(self.last()) as f64 / self.last().max(1) as f64
    }
}

/// The least mean of which a Poisson variable is as much in 5 of 100 cases: Wilson's way to bound it (1927,
/// <https://doi.org/10.2307/2276774>).
fn least(count: f64) -> f64 {
    let z = normal(0.95);
    count + z * z / 2.0 - z * (count + z * z / 4.0).sqrt()
}
