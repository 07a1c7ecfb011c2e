//! Everything that JavaScript can call, the only `#[napi]` of the project: each task beside the call
//! that starts it. Arguments come checked (lib/options.js); no panic leaves.

#![allow(missing_docs, reason = "index.d.ts and lib/ document what JavaScript sees")]

mod analysis;
mod collections;
mod flamegraph;
mod free;
mod heap_limit;
mod host;
mod merge;
mod names;
mod outcome;
mod read;
mod session;
mod snapshot;
mod window;
mod write;
