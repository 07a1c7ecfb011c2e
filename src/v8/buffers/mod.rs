//! Buffers by function: what Buffers, typed arrays and ArrayBuffers hold outside of V8's heap, which its sampler does
//! not see. Node's allocator is hooked ([`interposer`], [`hooks`]); of every so many bytes one object is
//! noted with its stack ([`stacks`], [`sampled`]).
//!
//! It works or is refused with a reason: the session goes on without it.

mod ffi;
mod hooks;
mod interposer;
mod native;
mod poisson;
mod sampled;
mod stacks;
mod starts;

use std::ptr::NonNull;

use heap_profile_core::profile::buffers::{self, Buffer};
use heap_profile_core::profile::metadata::{Include, Options, random_bits};
use napi::Env;

use super::ffi::Isolate;
use hooks::{Sampler, Sampling};
use interposer::Allocator;
use poisson::Gaps;
use stacks::Stacks;

/// Sampling of the Buffers of this thread, until it is dropped, on this thread and before the
/// isolate goes away.
pub struct Buffers {
    /// The isolate owns it, or shares it with the Buffers that outlive the isolate.
    allocator: &'static Allocator,
    sampler: Box<Sampler>,
    session: u64,
}

impl Buffers {
    /// Starts, or tells why that cannot be.
    pub fn start(
        env: Env,
        isolate: NonNull<Isolate>,
        options: Options,
    ) -> Result<Buffers, &'static str> {
        // SAFETY: the isolate is this thread's.
        let allocator = unsafe { ffi::hp_isolate_allocator(isolate.as_ptr()) };
        let allocator = NonNull::new(allocator.cast::<Allocator>())
            .ok_or("this thread has no allocator of ArrayBuffers")?;
        // SAFETY: an object of C++ with virtual functions begins with a pointer to their table. It lives
        // as long as the isolate, and so longer than this.
        let allocator: &'static Allocator = unsafe { allocator.as_ref() };
        let session = random_bits();
        let stacks = Stacks::new(env, isolate, options, starts::layout(env, isolate));
        let sampler = Box::new(Sampler::new(
            allocator,
            Sampling {
                gaps: Gaps::new(options.sample_interval_bytes),
                stacks,
                session,
                ordinal: buffers::FIRST_ORDINAL,
                is_kept: options.include == Include::Allocated,
            },
        ));
        interposer::install(allocator)?;
        sampler.attach();
        Ok(Buffers { allocator, sampler, session })
    }

    /// What is alive now, or is kept. None in the middle of a sample: that takes memory, and V8 may call who
    /// captures when there is little left.
    pub fn sampled(&self) -> Option<buffers::Buffers> {
        let sampling = self.sampler.sampling().try_borrow().ok()?;
        let (live, collected) = sampled::of_session(self.session);
        let buffer = |object: &sampled::Object, is_live| Buffer {
            size: object.size,
            ordinal: object.ordinal,
            stack: object.stack,
            is_live,
        };
        let live = live.iter().map(|object| buffer(object, true));
        let collected = collected.iter().map(|object| buffer(object, false));
        Some(buffers::Buffers {
            functions: sampling.stacks.functions(),
            stacks: sampling.stacks.tree.clone(),
            sampled: live.chain(collected).collect(),
        })
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        Sampler::detach();
        interposer::restore(self.allocator);
        sampled::forget(self.session);
    }
}
