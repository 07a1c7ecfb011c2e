//! One clock for two samplers. Heap objects and Buffers have ordinals of their own, each of which counts the bytes
//! that were allocated of its kind. Where there are both, births are put on one clock, which counts all
//! bytes: between two captures each kind's own clock is stretched to that.

use crate::profile::buffers::{FIRST_ORDINAL, is_buffer};

/// When something was born: the first capture that has it, and its ordinal.
pub type Birth = (usize, u64);

/// The clock of one kind: the last ordinal of each capture or one before it.
struct Clock {
    start: u64,
    at: Vec<u64>,
}

impl Clock {
    fn of<'a>(births: impl Iterator<Item = &'a Birth>, start: u64, captures: usize) -> Clock {
        let mut at = vec![start; captures];
        for &(first, ordinal) in births {
            at[first] = at[first].max(ordinal);
        }
        for capture in 1..captures {
            at[capture] = at[capture].max(at[capture - 1]);
        }
        Clock { start, at }
    }

    fn passed(&self, capture: usize) -> u64 {
        self.at[capture] - self.start
    }

    /// Where on the other clock what was born then was born.
    fn translate(&self, ordinal: u64, common: &[u64]) -> u64 {
        let capture = self.at.partition_point(|&last| last < ordinal);
        let (from, common_from) = match capture {
            0 => (self.start, 0),
            _ => (self.at[capture - 1], common[capture - 1]),
        };
        let (own, all) = (self.at[capture] - from, common[capture] - common_from);
        let into = u128::from(ordinal - from) * u128::from(all) / u128::from(own.max(1));
        common_from + u64::try_from(into).unwrap_or(all)
    }
}

/// Puts them on one clock, if there are Buffers among them.
pub fn unite(births: &mut [Birth], captures: usize) {
    if !births.iter().any(|&(_, ordinal)| is_buffer(ordinal)) {
        return;
    }
    let of_kind = |buffers| {
        let births = births.iter().filter(move |(_, ordinal)| is_buffer(*ordinal) == buffers);
        Clock::of(births, if buffers { FIRST_ORDINAL } else { 0 }, captures)
    };
    let (heap, buffers) = (of_kind(false), of_kind(true));
    // A hostile file has any.
    let all = |capture| heap.passed(capture).saturating_add(buffers.passed(capture));
    let common: Vec<u64> = (0..captures).map(all).collect();
    for (_, ordinal) in births {
        let clock = if is_buffer(*ordinal) { &buffers } else { &heap };
        *ordinal = clock.translate(*ordinal, &common);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUFFERS: u64 = FIRST_ORDINAL;

    #[test]
    fn births_of_one_kind_stay_what_they_are() {
        let mut births = [(0, 3), (1, 9), (2, 12)];
        unite(&mut births, 3);
        assert_eq!(births, [(0, 3), (1, 9), (2, 12)]);
    }

    #[test]
    fn births_of_both_kinds_keep_their_order_and_their_captures() {
        let mut births = [
            (0, 10),
            (1, 15),
            (1, 20),
            (2, 30),
            (1, BUFFERS + 5),
            (1, BUFFERS + 10),
            (2, BUFFERS + 12),
        ];
        unite(&mut births, 3);
        // 10 bytes pass before the first capture, 10 + 10 before the second, and 10 + 2 before the third.
        assert_eq!(births.map(|(_, at)| at), [10, 20, 30, 42, 20, 30, 42]);
    }

    #[test]
    fn ordinals_of_a_hostile_file_are_as_good_as_any() {
        let mut births = [(0, u64::MAX), (1, BUFFERS + 1), (1, 0), (0, 2 * BUFFERS)];
        unite(&mut births, 2);
    }
}
