//! When the next sample is due: a Poisson process over allocated bytes, as V8's sampler has it.

use heap_profile_core::profile::metadata::random_bits;

/// Bytes between samples, exponentially distributed.
pub struct Gaps {
    state: u64,
    interval: f64,
}

impl Gaps {
    /// On average so many bytes.
    pub fn new(interval: u32) -> Gaps {
        // xorshift is stuck at 0.
        Gaps { state: random_bits() | 1, interval: f64::from(interval) }
    }

    /// How many bytes pass until the next sample.
    pub fn draw(&mut self) -> i64 {
        // Above 0, at most 1: the logarithm is a number.
        let uniform = ((self.next() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
        (-uniform.ln() * self.interval) as i64
    }

    /// xorshift64* (Vigna 2016, <https://doi.org/10.1145/2845077>).
    fn next(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}
