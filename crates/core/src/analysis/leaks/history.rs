//! What became of each sampled object of a session, by site.

use rustc_hash::FxHashMap;

use crate::analysis::process::Usage;
use crate::analysis::stacks::Said;

/// What became of a sampled object, or of several together. Captures are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Life {
    /// Bytes that it stands for.
    pub bytes: f64,
    /// The variance that it adds to a total.
    pub variance: f64,
    /// Its own bytes: what is there at least.
    pub seen: f64,
    /// When it was born: V8's ordinal, which counts allocated bytes. 0 of several.
    pub ordinal: u64,
    /// How it was reached, see [`crate::analysis::sites::Sites::with_ways`].
    pub way: u32,
    /// The first capture that has it.
    pub first: usize,
    /// The last one.
    pub last: usize,
}

impl Life {
    /// Takes in what lives as long.
    pub fn add(&mut self, other: &Life) {
        self.bytes += other.bytes;
        self.variance += other.variance;
        self.seen += other.seen;
    }
}

/// What is known of a site.
#[derive(Clone, Debug, Default)]
pub struct Track {
    /// Its sampled objects.
    pub lives: Vec<Life>,
    /// Bytes that files state beside samples, by capture; empty if none does.
    pub stated: Vec<f64>,
}

impl Track {
    /// As it would be if only these captures had been taken, by their place among them.
    pub fn only(&self, captures: &[usize]) -> Track {
        let lives = self.lives.iter().filter_map(|life| {
            let first = captures.partition_point(|&capture| capture < life.first);
            let end = captures.partition_point(|&capture| capture <= life.last);
            (first < end).then(|| Life { first, last: end - 1, ..*life })
        });
        let stated = captures.iter().filter_map(|&capture| self.stated.get(capture));
        Track { lives: lives.collect(), stated: stated.copied().collect() }
    }

    /// See [`History::of_pairs`].
    pub fn of_pairs(&self) -> Track {
        let pair =
            |life: &Life| (life.last > life.first).then(|| Life { last: life.last - 1, ..*life });
        let lives = self.lives.iter().filter_map(pair).collect();
        Track { lives, stated: self.stated.iter().rev().skip(1).rev().copied().collect() }
    }

    /// Live bytes by capture.
    pub fn live_bytes(&self, captures: usize) -> Vec<f64> {
        let mut bytes = sums_by_capture(&self.lives, captures, |life| life.bytes);
        for (sum, stated) in bytes.iter_mut().zip(&self.stated) {
            *sum += stated;
        }
        bytes
    }
}

/// Captures of one session, the earliest first.
#[derive(Debug, Default)]
pub struct History {
    /// Hours since the first capture, by capture.
    pub hours: Vec<f64>,
    /// What each site went through, by site.
    pub tracks: FxHashMap<u32, Track>,
    /// The names of the captures.
    pub names: Vec<String>,
    /// Average bytes between two samples, if samples can be compared.
    pub interval: Option<u32>,
    /// Whether the captures say when they were taken.
    pub is_timed: bool,
    /// Full garbage collections that the session had seen, by capture; empty unless all captures tell.
    pub collections: Vec<u64>,
    /// Whether each was taken while the program ended.
    pub at_exit: Vec<bool>,
    /// What the process held as a whole, by capture; empty unless all of them are in it.
    pub usages: Vec<Option<Usage>>,
    /// Of their stacks; nothing unless all of them are in it.
    pub stacks: Said,
}

impl History {
    /// How many captures there are.
    pub fn captures(&self) -> usize {
        self.hours.len()
    }

    /// From the first to the last capture.
    pub fn span_hours(&self) -> f64 {
        self.hours.last().copied().unwrap_or_default()
    }

    /// The history of what two captures that follow one another both have, at the time of the earlier one.
    /// It is what is left without the garbage that each capture finds uncollected.
    pub fn of_pairs(&self) -> History {
        let tracks = self.tracks.iter().map(|(&site, track)| (site, track.of_pairs()));
        let pairs = self.captures().saturating_sub(1);
        History {
            hours: self.hours.iter().take(pairs).copied().collect(),
            tracks: tracks.collect(),
            names: self.names.iter().take(pairs).cloned().collect(),
            collections: Vec::new(),
            at_exit: Vec::new(),
            usages: Vec::new(),
            stacks: Said::default(),
            ..*self
        }
    }

    /// Full garbage collections between the first and the last of these captures; none if that is not told.
    pub fn full_collections(&self, captures: &[usize]) -> Option<u64> {
        let count = |capture: Option<&usize>| self.collections.get(*capture?);
        Some(count(captures.last())? - count(captures.first())?)
    }

    /// The captures between which V8 has looked at what lives: the first after each full collection, as
    /// that has the least garbage. All, if captures do not tell of collections.
    pub fn looks(&self) -> Vec<usize> {
        let captures = self.while_running();
        if self.collections.is_empty() {
            return captures;
        }
        let mut looks: Vec<usize> = Vec::new();
        for at in captures {
            if looks.last().is_none_or(|&last| self.collections[at] > self.collections[last]) {
                looks.push(at);
            }
        }
        looks
    }

    /// Without those that were taken while the program ended, when what leaks is let go of like all else;
    /// unless less than two are left.
    fn while_running(&self) -> Vec<usize> {
        let all = 0..self.captures();
        let running: Vec<usize> =
            all.clone().filter(|&at| !self.at_exit.get(at).is_some_and(|&ended| ended)).collect();
        if running.len() < 2 { all.collect() } else { running }
    }

    /// As it would be if only these captures had been taken.
    pub fn only(&self, captures: &[usize]) -> History {
        let start = captures.first().map_or(0.0, |&first| self.hours[first]);
        let tracks = self.tracks.iter().map(|(&site, track)| (site, track.only(captures)));
        History {
            hours: captures.iter().map(|&capture| self.hours[capture] - start).collect(),
            tracks: tracks.collect(),
            names: captures.iter().map(|&capture| self.names[capture].clone()).collect(),
            collections: Vec::new(),
            at_exit: Vec::new(),
            usages: Vec::new(),
            stacks: Said::default(),
            ..*self
        }
    }

    /// The last ordinal that each capture or one before it has: a clock that counts allocated bytes.
    pub fn clock(&self) -> Vec<u64> {
        let mut clock = vec![0; self.captures()];
        for life in self.tracks.values().flat_map(|track| &track.lives) {
            clock[life.first] = life.ordinal.max(clock[life.first]);
        }
        for at in 1..clock.len() {
            clock[at] = clock[at].max(clock[at - 1]);
        }
        clock
    }

    /// All sites as one.
    pub fn whole(&self) -> Track {
        let mut whole = Track { lives: Vec::new(), stated: vec![0.0; self.captures()] };
        for track in self.tracks.values() {
            whole.lives.extend(&track.lives);
            for (sum, stated) in whole.stated.iter_mut().zip(&track.stated) {
                *sum += stated;
            }
        }
        // Sites are numbered as files come; floating-point sums depend on the order.
        let order = |life: &Life| (life.first, life.last);
        whole.lives.sort_by(|one, other| {
            order(one).cmp(&order(other)).then(one.bytes.total_cmp(&other.bytes))
        });
        whole
    }
}

/// Sums over the objects that each capture has. A life counts for a few blocks of captures, and each
/// block for its halves: a life of any length costs the logarithm of their number. Nothing is
/// subtracted, so that nothing is left where there is nothing.
pub fn sums_by_capture(lives: &[Life], captures: usize, value: impl Fn(&Life) -> f64) -> Vec<f64> {
    // Block 1 is all captures, n has the halves 2 n and 2 n + 1, and the last ones are a capture each.
    let mut blocks = vec![0.0; 2 * captures];
    for life in lives {
        let value = value(life);
        let (mut from, mut to) = (life.first + captures, life.last + 1 + captures);
        while from < to {
            if from % 2 == 1 {
                blocks[from] += value;
                from += 1;
            }
            if to % 2 == 1 {
                to -= 1;
                blocks[to] += value;
            }
            (from, to) = (from / 2, to / 2);
        }
    }
    for block in 1..captures {
        let sum = blocks[block];
        blocks[2 * block] += sum;
        blocks[2 * block + 1] += sum;
    }
    blocks.split_off(captures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_of_the_lives_that_a_capture_is_in() {
        for captures in 1..20 {
            let spans =
                (0..captures).flat_map(|first| (first..captures).map(move |last| (first, last)));
            let lives: Vec<Life> = (1..)
                .zip(spans)
                .map(|(bytes, (first, last))| Life {
                    bytes: f64::from(bytes),
                    variance: 0.0,
                    seen: 0.0,
                    ordinal: 0,
                    way: 0,
                    first,
                    last,
                })
                .collect();
            let sum = |at| {
                let alive = lives.iter().filter(|life| life.first <= at && at <= life.last);
                alive.map(|life| life.bytes).sum::<f64>()
            };
            let expected: Vec<f64> = (0..captures).map(sum).collect();
            assert_eq!(sums_by_capture(&lives, captures, |life| life.bytes), expected);
        }
    }
}
