//! V8's sampling heap profiler, safely: the only module that calls the engine, and the only one
//! with unsafe code. Everything it returns is owned and knows neither V8 nor Node-API.

#[cfg(target_os = "linux")]
mod buffers;
#[cfg(not(target_os = "linux"))]
#[path = "buffers/absent.rs"]
mod buffers;
mod capture;
mod collections;
mod exact;
mod ffi;
mod heap_limit;
mod isolate;
mod node_api;
mod options;
mod probe;
mod sampler;

pub use capture::{Capture, V8Profile};
pub use collections::CollectionWatch;
pub use heap_limit::{HeapLimit, Plan};
pub use options::StartOptions;
pub use sampler::{Status, Wishes, capture, start, status, stop};
