//! Numbers with their 95 % intervals.

use serde::Serialize;

use crate::profile::estimate::Total;

/// An estimate and the bounds that hold the truth in 95 of 100 cases; no bounds where the profile
/// does not tell how it was sampled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Interval {
    /// The estimate.
    pub estimate: f64,
    /// The lower bound.
    pub low: Option<f64>,
    /// The upper bound.
    pub high: Option<f64>,
}

impl Interval {
    /// A total and what a file states beside it.
    pub fn of(total: &Total, stated: f64) -> Interval {
        let (low, high) = total.interval95();
        let estimate = total.estimate + stated;
        Interval { estimate, low: Some(low + stated), high: Some(high + stated) }
    }

    /// A number that may be off by so much either way.
    pub fn around(estimate: f64, half: f64) -> Interval {
        Interval { estimate, low: Some(estimate - half), high: Some(estimate + half) }
    }

    /// A number without bounds.
    pub fn unknown(estimate: f64) -> Interval {
        Interval { estimate, low: None, high: None }
    }

    /// The difference of two independent totals. The distances of the estimates from the bounds
    /// that face each other add up as squares (the method of variance estimates recovery: Zou and
    /// Donner, 2008, <https://doi.org/10.1002/sim.3095>). Of what nothing was sampled the objects are
    /// taken to be like those of the other.
    pub fn difference(grown: &Total, shrunk: &Total) -> Interval {
        let ((grown_low, grown_high), (shrunk_low, shrunk_high)) =
            (bounds(grown, shrunk), bounds(shrunk, grown));
        let estimate = grown.estimate - shrunk.estimate;
        let below = (grown.estimate - grown_low).hypot(shrunk_high - shrunk.estimate);
        let above = (grown_high - grown.estimate).hypot(shrunk.estimate - shrunk_low);
        Interval { estimate, low: Some(estimate - below), high: Some(estimate + above) }
    }

    /// Whether it is surely above 0. An estimate without bounds is what it is.
    pub fn is_positive(&self) -> bool {
        self.low.unwrap_or(self.estimate) > 0.0
    }

    /// Whether it is surely below 0.
    pub fn is_negative(&self) -> bool {
        self.high.unwrap_or(self.estimate) < 0.0
    }

    /// Whether it may be chance: it is neither surely above nor surely below 0.
    pub fn may_be_zero(&self) -> bool {
        !self.is_positive() && !self.is_negative()
    }
}

fn bounds(total: &Total, other: &Total) -> (f64, f64) {
    if total.estimate > 0.0 { total.interval95() } else { (0.0, other.unseen95()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Estimate;

    fn total(samples: u32) -> Total {
        let mut estimate = Estimate::default();
        estimate.add(64, 4096, samples);
        estimate.bytes
    }

    #[test]
    fn the_difference_of_equal_totals_may_be_zero() {
        let equal = Interval::difference(&total(20), &total(20));
        assert_eq!(equal.estimate, 0.0);
        assert!(equal.may_be_zero());
        assert!(!Interval::difference(&total(60), &total(20)).may_be_zero());
        assert!(Interval::difference(&total(24), &total(20)).may_be_zero());
    }

    #[test]
    fn a_few_samples_against_none_may_be_chance() {
        let none = Total::default();
        assert_eq!(Interval::difference(&none, &none), Interval::of(&none, 0.0));
        for few in 1..=4 {
            assert!(Interval::difference(&total(few), &none).may_be_zero(), "{few}");
            assert!(Interval::difference(&none, &total(few)).may_be_zero(), "{few}");
        }
        assert!(!Interval::difference(&total(5), &none).may_be_zero());
        let (only, whole) =
            (Interval::difference(&total(20), &none), Interval::of(&total(20), 0.0));
        assert_eq!((only.estimate, only.high), (whole.estimate, whole.high));
        assert!(only.low < whole.low);
    }

    #[test]
    fn chance_is_taken_for_growth_in_five_of_a_hundred_cases_at_most() {
        let none = |samples| if samples > 0 { total(samples) } else { Total::default() };
        for mean in [0.3, 1.0, 3.0, 10.0, 30.0] {
            let mut probability: Vec<f64> = vec![f64::exp(-mean)];
            for samples in 1..90 {
                probability.push(probability[samples - 1] * mean / samples as f64);
            }
            let wrong = |(came, went): (u32, u32)| {
                let difference = Interval::difference(&none(came), &none(went));
                let both = probability[came as usize] * probability[went as usize];
                if difference.may_be_zero() { 0.0 } else { both }
            };
            let pairs = (0..90).flat_map(|came| (0..90).map(move |went| (came, went)));
            let wrong: f64 = pairs.map(wrong).sum();
            assert!(wrong < 0.06, "{wrong} of {mean} samples");
        }
    }

    #[test]
    fn objects_that_are_all_sampled_are_no_chance() {
        let mut large = Estimate::default();
        large.add(1 << 30, 4096, 1);
        assert!(!Interval::difference(&large.bytes, &Total::default()).may_be_zero());
    }
}
