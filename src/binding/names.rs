//! What JavaScript calls by name. Any other name is an error that Node-API throws.

use heap_profile_core::format::Format;
use heap_profile_core::profile::{Include, Memory};
use napi_derive::napi;

#[napi(string_enum)]
pub enum JsInclude {
    #[napi(value = "live")]
    Live,
    #[napi(value = "allocated")]
    Allocated,
}

impl From<JsInclude> for Include {
    fn from(name: JsInclude) -> Include {
        match name {
            JsInclude::Live => Include::Live,
            JsInclude::Allocated => Include::Allocated,
        }
    }
}

impl From<Include> for JsInclude {
    fn from(include: Include) -> JsInclude {
        match include {
            Include::Live => JsInclude::Live,
            Include::Allocated => JsInclude::Allocated,
        }
    }
}

#[napi(string_enum)]
pub enum JsMemory {
    #[napi(value = "heap")]
    Heap,
    #[napi(value = "buffers")]
    Buffers,
    #[napi(value = "both")]
    Both,
}

impl From<JsMemory> for Memory {
    fn from(name: JsMemory) -> Memory {
        match name {
            JsMemory::Heap => Memory::Heap,
            JsMemory::Buffers => Memory::Buffers,
            JsMemory::Both => Memory::Both,
        }
    }
}

#[napi(string_enum)]
pub enum JsFormat {
    #[napi(value = "heapprofile")]
    HeapProfile,
    #[napi(value = "pprof")]
    Pprof,
    #[napi(value = "folded")]
    Folded,
}

impl From<JsFormat> for Format {
    fn from(name: JsFormat) -> Format {
        match name {
            JsFormat::HeapProfile => Format::HeapProfile,
            JsFormat::Pprof => Format::Pprof,
            JsFormat::Folded => Format::Folded,
        }
    }
}
