//! Exact stacks: the function that allocated, inlined or not, and the line.
//!
//! V8's sampler sees the frames that are physically on the stack. A hook in it (hook.rs) has V8's CPU
//! profiler record the same stack, which knows what V8 inlined and the lines of calls. The sampler is
//! private to V8: where it lies is told by a table of verified versions (layouts.rs), and each start
//! verifies it anew (locate.rs). On the first doubt there are no exact stacks, and a reason why.

use std::fmt;

use heap_profile_core::profile::ExactStacks;
use napi::Env;

#[cfg(exact_stacks)]
mod cpu_profiler;
#[cfg(exact_stacks)]
mod ffi;
#[cfg(exact_stacks)]
mod flags;
#[cfg(exact_stacks)]
mod functions;
#[cfg(exact_stacks)]
mod hook;
#[cfg(exact_stacks)]
mod layouts;
#[cfg(exact_stacks)]
mod lines;
#[cfg(exact_stacks)]
mod locate;
#[cfg(exact_stacks)]
mod memory;
#[cfg(exact_stacks)]
mod other_profile;
#[cfg(exact_stacks)]
mod recorder;
#[cfg(exact_stacks)]
mod return_address;
#[cfg(exact_stacks)]
mod rotation;
#[cfg_attr(not(exact_stacks), path = "absent.rs")]
mod session;
#[cfg(exact_stacks)]
mod wake;

pub use session::Exact;

/// What is called from the event loop when it is time for [`Exact::turn`].
pub type Turn = fn(Env);

/// Why there are no exact stacks, in words that go on from "exact stacks cannot be had: ".
#[derive(Clone, Debug)]
pub struct Refusal(pub String);

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// What came of the wish for exact stacks, without the counts, which are a profile's.
pub fn describe(outcome: &Result<Exact, Refusal>) -> ExactStacks {
    let reason = outcome.as_ref().err().map(Refusal::to_string);
    ExactStacks { enabled: reason.is_none(), reason, ..ExactStacks::default() }
}
