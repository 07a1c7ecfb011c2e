//! heap-profile: V8's sampling heap profiler for Node.js servers, as a Node-API addon.
//!
//! Data flows one way (doc/architecture.md): [`v8`] captures an owned
//! [`Profile`](heap_profile_core::profile::Profile), the core does the rest with it, [`binding`] is
//! what JavaScript calls.

#![deny(unsafe_code)]

pub mod binding;
#[allow(unsafe_code)]
pub mod v8;
