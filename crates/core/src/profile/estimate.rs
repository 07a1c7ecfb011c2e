//! From samples to totals with their error: the Horvitz-Thompson estimator, unrounded.
//!
//! V8 samples allocated bytes as a Poisson process, on average one per interval, so an object of
//! `s` bytes is sampled with probability `p = 1 - exp(-s / interval)`. A sampled one stands for
//! `1 / p` objects and `s / p` bytes, which makes the sums over the samples unbiased, with
//! variances that the samples estimate themselves: the sums of `(1 - p) / p^2` and
//! `s^2 (1 - p) / p^2` (Horvitz and Thompson, 1952, <https://doi.org/10.2307/2280784>, for independent
//! inclusions). V8 rounds `1 / p` to a whole number (`SamplingHeapProfiler::ScaleSample` in
//! deps/v8/src/profiler/sampling-heap-profiler.cc of Node.js), which biases objects about as large
//! as the interval by up to a third either way; we do not. doc/accuracy.md has more.

use std::ops::AddAssign;

/// The 97.5th percentile of the normal distribution: 95 % lie within it either way.
const Z95: f64 = 1.959_963_984_540_054;

/// A total that samples stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Total {
    /// The unbiased estimate.
    pub estimate: f64,
    /// The estimate of its variance.
    pub variance: f64,
    /// What the samples themselves add up to: the truth is no less.
    pub seen: f64,
}

impl Total {
    /// The square root of the variance.
    pub fn standard_error(&self) -> f64 {
        self.variance.sqrt()
    }

    /// The interval that holds the truth in 95 of 100 cases, as Wilson's score interval does for a
    /// proportion (1927, <https://doi.org/10.2307/2276774>): the totals `t` that are within 1.96
    /// standard errors of the estimate, where the variance grows in proportion to `t`. Unlike the
    /// symmetric one it holds for a handful of samples too.
    pub fn interval95(&self) -> (f64, f64) {
        if self.variance <= 0.0 {
            return (self.estimate, self.estimate);
        }
        let shift = Z95 * Z95 * self.variance / self.estimate / 2.0;
        let half = (Z95 * Z95 * self.variance + shift * shift).sqrt();
        let low = self.estimate + shift - half;
        (low.max(self.seen), self.estimate + shift + half)
    }

    /// What may be there of such objects unseen, the upper bound of [`Total::interval95`] where
    /// nothing was sampled: the total that is 1.96 standard errors above 0.
    pub fn unseen95(&self) -> f64 {
        if self.estimate > 0.0 { Z95 * Z95 * self.variance / self.estimate } else { 0.0 }
    }

    fn add(&mut self, value: f64, p: f64, count: f64) {
        self.estimate += count * value / p;
        self.variance += count * (value / p) * (value / p) * (1.0 - p);
        self.seen += count * value;
    }
}

/// What a set of samples stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// Samples in the set.
    pub sample_count: u64,
    /// Bytes of all objects.
    pub bytes: Total,
    /// All objects.
    pub objects: Total,
}

impl Estimate {
    /// Adds `count` samples of objects of `size` bytes each, taken at `interval` bytes between
    /// samples. Size and interval must be above 0.
    pub fn add(&mut self, size: u64, interval: u32, count: u32) {
        let p = probability(size, interval);
        let samples = f64::from(count);
        self.sample_count += u64::from(count);
        self.bytes.add(size as f64, p, samples);
        self.objects.add(1.0, p, samples);
    }
}

impl AddAssign for Total {
    fn add_assign(&mut self, other: Total) {
        self.estimate += other.estimate;
        self.variance += other.variance;
        self.seen += other.seen;
    }
}

impl AddAssign for Estimate {
    fn add_assign(&mut self, other: Estimate) {
        self.sample_count += other.sample_count;
        self.bytes += other.bytes;
        self.objects += other.objects;
    }
}

/// No object is larger: a number keeps whole bytes up to 2^53.
pub const MAX_OBJECT_BYTES: f64 = 9_007_199_254_740_992.0;

/// Bytes that one sample of an object of `size` bytes stands for, at `interval` bytes between
/// samples. Both must be above 0.
pub fn sample_bytes(size: u64, interval: u32) -> f64 {
    size as f64 / probability(size, interval)
}

/// The size of the object whose sample stands for `bytes`: the inverse of [`sample_bytes`], also of
/// another machine's. None if no object's does.
pub fn object_size(bytes: f64, interval: u32) -> Option<u64> {
    if bytes > MAX_OBJECT_BYTES {
        return None;
    }
    // sample_bytes increases with the size, and is never less than the size.
    let (mut low, mut high) = (1, bytes.ceil() as u64);
    while low < high {
        let middle = low + (high - low) / 2;
        if sample_bytes(middle, interval) < bytes {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let off = |size: u64| (sample_bytes(size, interval) - bytes).abs();
    let near = [low, low - 1].into_iter().filter(|&size| size > 0 && off(size) <= bytes * LIBM);
    near.min_by(|&one, &other| off(one).total_cmp(&off(other)))
}

/// Relative error of `exp_m1` between the C libraries of the machine that wrote a file and of the
/// one that reads it, with room to spare; next to that sizes are far apart.
const LIBM: f64 = 1e-12;

/// How many objects V8 says that `samples` samples of `size` bytes stand for: `samples / p`,
/// rounded.
pub fn v8_count(size: u64, interval: u32, samples: u32) -> u32 {
    scaled(size, interval, samples).round() as u32
}

fn scaled(size: u64, interval: u32, samples: u32) -> f64 {
    f64::from(samples) / probability(size, interval)
}

/// How many samples of `size` bytes V8 says stand for `count` objects: the inverse of
/// [`v8_count`]. None if no number of samples does.
pub fn v8_samples(size: u64, interval: u32, count: u64) -> Option<u32> {
    let samples = (count as f64 * probability(size, interval)).round() as u32;
    let expected = scaled(size, interval, samples).round() as u64;
    (samples > 0 && is_same_count(count, expected)).then_some(samples)
}

/// Whether a count of V8's is the one that we work out: exp and expm1 may differ in the last bit,
/// which rounding can make one of.
pub fn is_same_count(count: u64, expected: u64) -> bool {
    count.abs_diff(expected) <= 1 + expected / 1_000_000
}

/// The probability that an object of `size` bytes is sampled.
fn probability(size: u64, interval: u32) -> f64 {
    -(-(size as f64) / f64::from(interval)).exp_m1()
}
#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: u32 = 524_288;

    #[test]
    fn small_objects_stand_for_about_one_interval() {
        let bytes = sample_bytes(16, INTERVAL);
        assert!((bytes - 524_296.0).abs() < 0.01, "{bytes}");
    }

    #[test]
    fn objects_far_larger_than_the_interval_stand_for_themselves() {
        assert_eq!(sample_bytes(1 << 40, INTERVAL), (1u64 << 40) as f64);
    }

    #[test]
    fn is_unrounded_where_v8_rounds() {
        // 600,000 bytes: 1 / p = 1.467, which V8 takes as 1, a third too little.
        let bytes = sample_bytes(600_000, INTERVAL);
        assert!((bytes - 880_304.0).abs() < 1_000.0, "{bytes}");
        assert_eq!(v8_count(600_000, INTERVAL, 1), 1);
    }

    #[test]
    fn v8_is_off_by_up_to_a_third_either_way() {
        let bias = |size: u64| {
            f64::from(v8_count(size, INTERVAL, 1)) * size as f64 / sample_bytes(size, INTERVAL)
                - 1.0
        };
        let biases: Vec<f64> = (1..2_000).map(|kib| bias(kib * 1024)).collect();
        let lowest = biases.iter().copied().fold(0.0, f64::min);
        let highest = biases.iter().copied().fold(0.0, f64::max);
        assert!((-0.334..-0.33).contains(&lowest), "{lowest}");
        assert!((0.33..0.334).contains(&highest), "{highest}");
    }

    #[test]
    fn an_object_size_survives_as_an_estimate() {
        for interval in [1, 32, 4096, INTERVAL, i32::MAX as u32] {
            for size in (8..1 << 14).step_by(8).chain([1 << 19, (1 << 30) + 8, 1 << 40]) {
                let bytes = sample_bytes(size, interval);
                assert_eq!(object_size(bytes, interval), Some(size), "{size} at {interval}");
            }
        }
    }

    #[test]
    fn an_object_size_survives_another_machines_arithmetic() {
        for size in [8, 24, 600_000, 1 << 30] {
            let bytes = sample_bytes(size, INTERVAL);
            for off in [1.0 - 4e-16, 1.0 + 4e-16, 1.0 + 1e-14] {
                assert_eq!(object_size(bytes * off, INTERVAL), Some(size), "{size}");
            }
            assert_eq!(object_size(bytes * (1.0 + 1e-9) + 0.01, INTERVAL), None, "{size}");
        }
    }

    #[test]
    fn what_is_no_estimate_has_no_object_size() {
        for bytes in [0.0, 1.0, 524_288.0, 524_289.0, 1e6, 1e300, f64::NAN, f64::INFINITY] {
            assert_eq!(object_size(bytes, INTERVAL), None, "{bytes}");
        }
    }

    #[test]
    fn samples_survive_as_a_count_of_v8s() {
        for size in [16, 24, 1000, 100_000, 600_000, 10_000_000] {
            for samples in [1, 2, 3, 17, 1000] {
                let count = v8_count(size, INTERVAL, samples);
                assert_eq!(v8_samples(size, INTERVAL, count.into()), Some(samples), "{size}");
            }
        }
        // More objects than V8 can count: 2^31 for each sample.
        assert_eq!(v8_samples(1, i32::MAX as u32, 3 << 31), Some(3));
        assert_eq!(v8_samples(16, INTERVAL, 1), None);
        assert_eq!(v8_samples(16, INTERVAL, 50_000), None);
    }

    #[test]
    fn what_was_seen_bounds_the_interval_below() {
        let mut estimate = Estimate::default();
        assert_eq!(estimate.bytes.interval95(), (0.0, 0.0));
        estimate.add(600_000, INTERVAL, 1);
        let (low, high) = estimate.bytes.interval95();
        assert_eq!(low, 600_000.0);
        assert!((2.5e6..2.6e6).contains(&high), "{high}");
        let mut sure = Estimate::default();
        sure.add(1 << 40, INTERVAL, 3);
        assert_eq!(sure.bytes.interval95(), ((3u64 << 40) as f64, (3u64 << 40) as f64));
    }

    /// V8's sampler: exponential gaps between samples; a xorshift generator with a fixed seed.
    struct Sampler {
        state: u64,
        interval: u32,
        next: f64,
    }

    impl Sampler {
        fn new(seed: u64, interval: u32) -> Sampler {
            let state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            let mut sampler = Sampler { state, interval, next: 0.0 };
            sampler.next = sampler.gap();
            sampler
        }

        fn gap(&mut self) -> f64 {
            self.state ^= self.state << 13;
            self.state ^= self.state >> 7;
            self.state ^= self.state << 17;
            let uniform = ((self.state >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
            -uniform.ln() * f64::from(self.interval)
        }

        /// Whether the next object that is allocated, of `size` bytes, is sampled.
        fn takes(&mut self, size: u64) -> bool {
            self.next -= size as f64;
            let is_sampled = self.next <= 0.0;
            if is_sampled {
                self.next = self.gap();
            }
            is_sampled
        }
    }

    /// Objects of one kind, by index.
    type Kind = fn(u64) -> u64;

    const KINDS: [(&str, Kind); 4] = [
        ("objects of 16 to 264 bytes", |index| 16 + index % 32 * 8),
        ("arrays of 560 to 644 KB", |index| 560_000 + index * 7919 % 84_000),
        ("strings of 1 to 64 KB", |index| 1024 + index * 6151 % 64_512),
        ("a mix", |index| match index % 100 {
            0 => 1_000_000,
            1..10 => 20_000,
            _ => 64,
        }),
    ];

    /// What came of a number of trials.
    #[derive(Default)]
    struct Trials {
        count: u32,
        /// In which nothing was sampled.
        empty: u32,
        /// Whose 95 % interval holds the truth.
        held: u32,
        /// Where the estimate is within 1.96 standard errors of the truth.
        held_symmetric: u32,
        /// The sum of the relative errors.
        error: f64,
    }

    impl Trials {
        /// `count` trials with `samples` intervals of bytes each.
        fn run(kind: Kind, interval: u32, samples: u64, count: u64) -> Trials {
            let mut trials = Trials::default();
            for seed in 1..=count {
                let (truth, estimate) = trial(kind, interval, samples * u64::from(interval), seed);
                trials.add(truth as f64, &estimate);
            }
            trials
        }

        fn add(&mut self, truth: f64, estimate: &Estimate) {
            let bytes = &estimate.bytes;
            let (low, high) = bytes.interval95();
            let error = bytes.estimate - truth;
            self.count += 1;
            self.empty += u32::from(estimate.sample_count == 0);
            self.held += u32::from(low <= truth && truth <= high);
            self.held_symmetric += u32::from(error.abs() <= Z95 * bytes.standard_error());
            self.error += error / truth;
        }
    }

    /// Allocates at least so many bytes: how many they were, and the estimate.
    fn trial(kind: Kind, interval: u32, bytes: u64, seed: u64) -> (u64, Estimate) {
        let mut sampler = Sampler::new(seed, interval);
        let (mut estimate, mut truth, mut index) = (Estimate::default(), 0, 0);
        while truth < bytes {
            let size = kind(index);
            truth += size;
            index += 1;
            if sampler.takes(size) {
                estimate.add(size, interval, 1);
            }
        }
        (truth, estimate)
    }

    #[test]
    fn the_interval_holds_the_truth_in_95_of_100_trials() {
        for interval in [4096, 65_536, INTERVAL] {
            for (name, kind) in KINDS {
                let trials = Trials::run(kind, interval, 300, 1000);
                let held = f64::from(trials.held) / f64::from(trials.count);
                let error = trials.error / f64::from(trials.count);
                println!("{name} at {interval}: {held:.3}, {error:+.4}");
                // Where nearly all objects are sampled the truth is known, not guessed.
                let most = if probability(kind(0), interval) > 0.99 { 1.0 } else { 0.97 };
                assert!((0.93..=most).contains(&held), "{name} at {interval}: {held}");
                // A standard error of the mean is at most 1 / sqrt(300 * 1000), 0.2 %.
                assert!(error.abs() < 0.006, "{name} at {interval}: {error}");
            }
        }
    }

    /// Prints a table of doc/accuracy.md: `cargo test few_samples -- --nocapture`.
    #[test]
    fn the_interval_holds_for_few_samples_where_the_symmetric_one_does_not() {
        for samples in [1, 2, 5, 10, 30, 100, 1000] {
            let trials = Trials::run(|_| 64, 4096, samples, 4000);
            let all = f64::from(trials.count);
            // Where nothing was sampled both intervals are from 0 to 0, and there is nothing to ask
            // for the interval of.
            let sampled = all - f64::from(trials.empty);
            let empty = f64::from(trials.empty) / all;
            let held = f64::from(trials.held) / sampled;
            let held_symmetric = f64::from(trials.held_symmetric) / sampled;
            println!("| {samples} | {empty:.3} | {held:.3} | {held_symmetric:.3} |");
            // A standard error of these shares is at most 0.5 %.
            let least = if samples == 1 { 0.84 } else { 0.92 };
            assert!(held > least, "{held} at {samples}");
            let is_between = (5..=10).contains(&samples);
            assert!(!is_between || held > held_symmetric + 0.02, "{held_symmetric} at {samples}");
        }
    }
}
