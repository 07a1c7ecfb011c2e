//! heap-profile: V8's sampling heap profiler for Node.js servers, as a Node-API addon.
//!
//! Data flows one way (doc/architecture.md): [`v8`] captures an owned [`profile::Profile`],
//! [`format`](mod@format) turns it into bytes, [`mod@file`] puts them on disk, [`binding`] is what
//! JavaScript calls. Only `v8` and `binding` know the engine and Node-API; the rest is tested by
//! `cargo test` without Node, which is why those two are left out of test builds, and of builds
//! without the feature `addon`.

#![deny(unsafe_code)]

pub mod analysis;
pub mod error;
pub mod file;
pub mod format;
pub mod profile;
pub mod runtime;
pub mod source_map;

#[cfg(all(feature = "addon", not(test)))]
pub mod binding;
#[cfg(all(feature = "addon", not(test)))]
#[allow(unsafe_code)]
pub mod v8;
