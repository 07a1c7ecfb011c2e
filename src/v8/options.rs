//! What a session is asked for, and whether it can be had.

use heap_profile_core::error::{Error, Result};
use heap_profile_core::profile::metadata::{Include, Options};
use heap_profile_core::runtime::Runtime;

/// What `start` was asked for; what is left out is the default, or whatever runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct StartOptions {
    /// See [`Options`].
    pub sample_interval_bytes: Option<u32>,
    /// See [`Options`].
    pub stack_depth: Option<u32>,
    /// See [`Options`].
    pub force_gc: Option<bool>,
    /// See [`Options`].
    pub include: Option<Include>,
    /// See [`Options`].
    pub exact_stacks: Option<bool>,
}

impl StartOptions {
    /// The options that were named, in place of those of `base`.
    pub fn over(self, base: Options) -> Options {
        Options {
            sample_interval_bytes: self.sample_interval_bytes.unwrap_or(base.sample_interval_bytes),
            stack_depth: self.stack_depth.unwrap_or(base.stack_depth),
            force_gc: self.force_gc.unwrap_or(base.force_gc),
            include: self.include.unwrap_or(base.include),
            exact_stacks: self.exact_stacks.unwrap_or(base.exact_stacks),
        }
    }
}

/// Whether what runs is what is asked for.
pub fn check_same(running: Options, asked: StartOptions) -> Result<()> {
    if asked.over(running) == running {
        return Ok(());
    }
    let describe = |options: Options| {
        format!(
            "sampleIntervalBytes {}, stackDepth {}, forceGC {}, include '{}', \
             exactStacks {}",
            options.sample_interval_bytes,
            options.stack_depth,
            options.force_gc,
            options.include.as_str(),
            options.exact_stacks
        )
    };
    Err(Error::AlreadySampling(format!(
        "heap-profile is already sampling with {}; call stop() before start() with {}",
        describe(running),
        describe(asked.over(running))
    )))
}

/// lib/options.js says it in better words; V8 aborts the process on an interval of 0.
pub fn check_ranges(options: Options) -> Result<()> {
    let Options { sample_interval_bytes: interval, stack_depth: depth, .. } = options;
    if Options::INTERVALS.contains(&interval) && Options::DEPTHS.contains(&depth) {
        return Ok(());
    }
    Err(Error::Internal(format!(
        "sampleIntervalBytes {interval} or stackDepth {depth} out of range"
    )))
}

/// Whether the running V8 can do it.
pub fn check_supported(runtime: Runtime, options: Options) -> Result<()> {
    if options.include == Include::Allocated && !runtime.keeps_collected {
        return Err(Error::UnsupportedOption(
            "include: 'allocated' needs Node.js 20 or newer: V8 before 11.3 cannot keep collected \
             objects"
                .into(),
        ));
    }
    Ok(())
}
