//! What lib/host.js tells about the process.

use napi_derive::napi;

use heap_profile_core::profile::metadata::{Host, MemoryUsage};

/// `process.memoryUsage()`.
#[napi(object, object_to_js = false)]
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
    pub own_directory: String,
    pub at_exit: bool,
}

impl From<JsHost> for Host {
    fn from(host: JsHost) -> Host {
        Host {
            pid: host.pid,
            thread_id: host.thread_id,
            node_version: host.node_version,
            v8_version: host.v8_version,
            memory_usage: MemoryUsage {
                rss: host.memory_usage.rss,
                heap_total: host.memory_usage.heap_total,
                heap_used: host.memory_usage.heap_used,
                external: host.memory_usage.external,
                array_buffers: host.memory_usage.array_buffers,
            },
            heap_size_limit: host.heap_size_limit,
            own_directory: Some(host.own_directory),
            at_exit: host.at_exit,
        }
    }
}
