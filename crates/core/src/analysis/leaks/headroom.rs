//! How soon growth fills the heap.

use crate::analysis::interval::Interval;
use crate::analysis::process::Process;

const HOUR_MS: f64 = 3_600_000.0;

/// What does not fill the heap within a month does not matter: programs are restarted more often.
const MONTH_HOURS: f64 = 30.0 * 24.0;

/// What the heap may still grow by, bytes; none if that, or how fast it grows, is unknown.
#[derive(Clone, Copy, Debug)]
pub struct Headroom(Option<f64>);

impl Headroom {
    /// At the end of what was observed.
    pub fn of(process: Option<&Process>, is_timed: bool) -> Headroom {
        let process = process.filter(|_| is_timed);
        Headroom(process.and_then(|Process { heap_size_limit, after, .. }| {
            Some((heap_size_limit.as_ref()? - after.heap_used).max(0.0))
        }))
    }

    /// Milliseconds until the heap is full, if only this grows, by so many bytes an hour; none if that
    /// is unknown or never.
    pub fn lasts_ms(&self, growth: &Interval) -> Option<f64> {
        let room = self.0.filter(|_| growth.estimate > 0.0)?;
        Some(room / growth.estimate * HOUR_MS)
    }

    /// Whether growth may fill it within a month: the upper bound decides.
    pub fn may_run_out(&self, growth: &Interval) -> bool {
        let most = growth.high.unwrap_or(growth.estimate);
        self.0.is_none_or(|room| most * MONTH_HOURS >= room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_fill_the_heap_within_a_month_does_not_matter() {
        let headroom = Headroom(Some(7200.0));
        let growth = |high| Interval { estimate: 2.0, low: Some(1.0), high: Some(high) };
        assert_eq!(headroom.lasts_ms(&growth(3.0)), Some(3600.0 * HOUR_MS));
        assert!(!headroom.may_run_out(&growth(9.9)));
        assert!(headroom.may_run_out(&growth(10.0)));
        assert!(headroom.may_run_out(&Interval::unknown(10.0)));
        assert_eq!(headroom.lasts_ms(&Interval::unknown(0.0)), None);
    }

    #[test]
    fn without_a_known_limit_everything_matters() {
        let headroom = Headroom::of(None, true);
        assert!(headroom.may_run_out(&Interval::unknown(0.001)));
        assert_eq!(headroom.lasts_ms(&Interval::unknown(1e9)), None);
    }
}
