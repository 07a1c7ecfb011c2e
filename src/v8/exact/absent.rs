//! What stands for exact stacks where they were never verified: other systems than Linux with glibc, other
//! architectures than x86-64.

use std::convert::Infallible;
use std::ptr::NonNull;

use heap_profile_core::profile::Profile;
use heap_profile_core::profile::metadata::Options;
use napi::Env;

use super::{Refusal, Turn};
use crate::v8::ffi::Isolate;

/// There is none.
pub struct Exact(Infallible);

impl Exact {
    /// Refuses.
    pub fn start(
        _: Env,
        _: NonNull<Isolate>,
        _: &str,
        _: Options,
        _: Turn,
    ) -> Result<Exact, Refusal> {
        let (system, architecture) = (std::env::consts::OS, std::env::consts::ARCH);
        Err(Refusal(format!(
            "they were verified on Linux x64 with glibc only, this is {system} {architecture}"
        )))
    }

    /// See session.rs.
    pub fn turn(&mut self) -> bool {
        match self.0 {}
    }

    /// See session.rs.
    pub fn apply_known(&self, _: &Profile) -> Profile {
        match self.0 {}
    }

    /// See session.rs.
    pub fn apply(&mut self, _: Profile) -> Profile {
        match self.0 {}
    }
}
