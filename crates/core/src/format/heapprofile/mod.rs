//! The `.heapprofile` format of Chrome DevTools, streamed both ways.
//!
//! `{head, samples}` is the protocol's HeapProfiler.SamplingHeapProfile
//! (<https://chromedevtools.github.io/devtools-protocol/tot/HeapProfiler/>), which `node
//! --heap-prof` writes too. Sizes in our files are estimates, unrounded
//! ([`crate::profile::estimate`]). A third key, `heapProfile`, holds our metadata; nodes have the line
//! that called them, `callLineNumber`, and samples the line that allocated them, `lineNumber`, where
//! these are known. DevTools ignores all three.

mod read;
mod write;

pub use read::read;
pub use write::write;
