//! The `.heapprofile` format of Chrome DevTools, streamed both ways.
//!
//! `{head, samples}` is the protocol's HeapProfiler.SamplingHeapProfile
//! (<https://chromedevtools.github.io/devtools-protocol/tot/HeapProfiler/>), which `node
//! --heap-prof` writes too. Sizes in our files are estimates, unrounded
//! ([`crate::profile::estimate`]). A third key, `heapProfile`, holds our metadata; DevTools ignores
//! it.

mod read;
mod write;

pub use read::read;
pub use write::write;
