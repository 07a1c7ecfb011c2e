//! What lib/host.js tells about the process.

use napi_derive::napi;

use heap_profile_core::profile::metadata::{Host, MemoryUsage};

/// `process.memoryUsage()`.
#[napi(object)]
pub struct JsMemoryUsage {
    pub rss: f64,
    pub heap_total: f64,
    pub heap_used: f64,
    pub external: f64,
    pub array_buffers: f64,
}

#[napi(object, object_to_js = false)]
pub struct JsHost {
    pub pid: u32,
    pub thread_id: u32,
    pub node_version: String,
    pub v8_version: String,
    pub memory_usage: JsMemoryUsage,
    pub heap_size_limit: f64,
    /// None if it is not known.
    pub own_directory: Option<String>,
    pub at_exit: bool,
}

impl From<JsMemoryUsage> for MemoryUsage {
    fn from(usage: JsMemoryUsage) -> MemoryUsage {
        let JsMemoryUsage { rss, heap_total, heap_used, external, array_buffers } = usage;
        MemoryUsage { rss, heap_total, heap_used, external, array_buffers }
    }
}

impl From<MemoryUsage> for JsMemoryUsage {
    fn from(usage: MemoryUsage) -> JsMemoryUsage {
        let MemoryUsage { rss, heap_total, heap_used, external, array_buffers } = usage;
        JsMemoryUsage { rss, heap_total, heap_used, external, array_buffers }
    }
}

impl From<JsHost> for Host {
    fn from(host: JsHost) -> Host {
        Host {
            pid: host.pid,
            thread_id: host.thread_id,
            node_version: host.node_version,
            v8_version: host.v8_version,
            memory_usage: Some(host.memory_usage.into()),
            heap_size_limit: host.heap_size_limit,
            own_directory: host.own_directory,
            at_exit: host.at_exit,
        }
    }
}
