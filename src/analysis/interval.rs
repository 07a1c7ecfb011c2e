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
    /// A total and what was measured beside it.
    pub fn of(total: &Total, measured: f64) -> Interval {
        let (low, high) = total.interval95();
        let estimate = total.estimate + measured;
        Interval { estimate, low: Some(low + measured), high: Some(high + measured) }
    }

    /// A number without bounds.
    pub fn unknown(estimate: f64) -> Interval {
        Interval { estimate, low: None, high: None }
    }

    /// The difference of two independent totals. The distances of the estimates from the bounds
    /// that face each other add up as squares (the method of variance estimates recovery: Zou and
    /// Donner, 2008, <https://doi.org/10.1002/sim.3095>).
    pub fn difference(grown: &Total, shrunk: &Total) -> Interval {
        let ((grown_low, grown_high), (shrunk_low, shrunk_high)) =
            (grown.interval95(), shrunk.interval95());
        let estimate = grown.estimate - shrunk.estimate;
        let below = (grown.estimate - grown_low).hypot(shrunk_high - shrunk.estimate);
        let above = (grown_high - grown.estimate).hypot(shrunk.estimate - shrunk_low);
        Interval { estimate, low: Some(estimate - below), high: Some(estimate + above) }
    }

    /// Whether 0 is among what it may be. An estimate without bounds is what it is.
    pub fn may_be_zero(&self) -> bool {
        self.low.unwrap_or(self.estimate) <= 0.0 && self.high.unwrap_or(self.estimate) >= 0.0
    }
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
    fn what_only_grew_is_bounded_as_the_total_is() {
        let difference = Interval::difference(&total(20), &Total::default());
        assert_eq!(difference, Interval::of(&total(20), 0.0));
    }
}
