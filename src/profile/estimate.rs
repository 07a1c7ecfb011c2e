//! From samples to bytes: the unrounded Horvitz-Thompson estimator.
//!
//! V8 samples allocated bytes as a Poisson process, on average one per interval, so an object of
//! `size` bytes is sampled with probability `p = 1 - exp(-size / interval)` and a sampled one stands
//! for `1 / p` objects, `size / p` bytes. V8 rounds `1 / p` to a whole number
//! (`SamplingHeapProfiler::ScaleSample` in deps/v8/src/profiler/sampling-heap-profiler.cc of
//! Node.js), which biases objects about as large as the interval by up to a third either way; we do
//! not.

/// Bytes that one sample of an object of `size` bytes stands for, at `interval` bytes between
/// samples. Both must be above 0.
pub fn sample_bytes(size: u64, interval: u32) -> f64 {
    size as f64 / probability(size, interval)
}

/// How many objects V8 says that one sample of `size` bytes stands for: `1 / p`, rounded.
pub fn v8_count(size: u64, interval: u32) -> u32 {
    (1.0 / probability(size, interval) + 0.5) as u32
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
        assert_eq!(v8_count(600_000, INTERVAL), 1);
    }

    #[test]
    fn v8_is_off_by_up_to_a_third_either_way() {
        let bias = |size: u64| {
            f64::from(v8_count(size, INTERVAL)) * size as f64 / sample_bytes(size, INTERVAL) - 1.0
        };
        let biases: Vec<f64> = (1..2_000).map(|kib| bias(kib * 1024)).collect();
        let lowest = biases.iter().copied().fold(0.0, f64::min);
        let highest = biases.iter().copied().fold(0.0, f64::max);
        assert!((-0.334..-0.33).contains(&lowest), "{lowest}");
        assert!((0.33..0.334).contains(&highest), "{highest}");
    }

    /// Simulates V8's sampler: exponential gaps between samples, a xorshift generator, fixed seed.
    #[test]
    fn the_mean_over_simulated_sampling_is_the_truth() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut gap = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let uniform = ((state >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
            -uniform.ln() * f64::from(INTERVAL)
        };
        let (objects, mut estimate, mut truth, mut next) = (400_000, 0.0, 0.0, gap());
        for index in 0..objects {
            let size = 16 + (index % 1000) * 700;
            truth += size as f64;
            next -= size as f64;
            if next <= 0.0 {
                estimate += sample_bytes(size, INTERVAL);
                next = gap();
            }
        }
        // The relative standard error is about 0.2 %; the seed is fixed.
        assert!((estimate / truth - 1.0).abs() < 0.01, "{}", estimate / truth);
    }
}
