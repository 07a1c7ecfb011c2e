//! What heap-profile knows of profiles: neither V8 nor Node-API, and tested by `cargo test` alone.
//!
//! [`profile`] is an owned call tree with its samples, [`format`](mod@format) turns it into bytes and
//! back, [`source_map`] puts original names and positions in, [`analysis`] answers questions, and
//! [`mod@file`] puts bytes on disk.

#![forbid(unsafe_code)]

pub mod analysis;
pub mod error;
pub mod file;
pub mod format;
pub mod machine_code;
pub mod profile;
pub mod runtime;
pub mod source_map;
