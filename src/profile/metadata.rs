//! What a profile says about itself and the process it was taken in.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

/// Which sampled objects a session keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Include {
    /// Only those that are still alive.
    #[default]
    Live,
    /// Those that were collected too, until the session ends.
    Allocated,
}

impl Include {
    /// Its name in JavaScript and in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Include::Live => "live",
            Include::Allocated => "allocated",
        }
    }
}

/// The options of a sampling session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Options {
    /// Average bytes between two samples, 1 to 2^31 - 1.
    pub sample_interval_bytes: u32,
    /// Frames kept of each stack, 1 to 1024.
    pub stack_depth: u32,
    /// Whether a full garbage collection precedes each capture.
    #[serde(rename = "forceGC")]
    pub force_gc: bool,
    /// Which objects are kept.
    pub include: Include,
}

impl Default for Options {
    /// The defaults of `v8::HeapProfiler::StartSamplingHeapProfiler` for the interval, a depth
    /// that reaches through the middleware of a server, and live objects only.
    fn default() -> Options {
        Options {
            sample_interval_bytes: 512 * 1024,
            stack_depth: 64,
            force_gc: false,
            include: Include::Live,
        }
    }
}

/// `process.memoryUsage()`, in bytes.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MemoryUsage {
    /// Resident set size.
    pub rss: f64,
    /// V8's heap, committed.
    pub heap_total: f64,
    /// V8's heap, in use.
    pub heap_used: f64,
    /// Outside V8's heap, held by objects on it.
    pub external: f64,
    /// The part of `external` that buffers hold.
    pub array_buffers: f64,
}

/// The process a profile was taken in, as it tells of itself.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Host {
    /// `process.pid`.
    pub pid: u32,
    /// `worker_threads.threadId`; 0 is the main thread.
    pub thread_id: u32,
    /// `process.version`.
    pub node_version: String,
    /// `process.versions.v8`.
    pub v8_version: String,
    /// `process.memoryUsage()` just before the capture.
    pub memory_usage: MemoryUsage,
    /// `v8.getHeapStatistics().heap_size_limit`, bytes.
    pub heap_size_limit: f64,
}

/// Which session a profile belongs to, and when.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// Random, the same for all profiles of one session: between those, ordinals can be compared.
    pub session_id: String,
    /// When sampling started.
    #[serde(serialize_with = "rfc3339")]
    pub started_at: DateTime<Utc>,
    /// Its options.
    #[serde(flatten)]
    pub options: Options,
}

/// All of it: the `heapProfile` key of our files.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The version of this package.
    pub version: &'static str,
    /// Its session.
    #[serde(flatten)]
    pub session: Session,
    /// When it was captured.
    #[serde(serialize_with = "rfc3339")]
    pub taken_at: DateTime<Utc>,
    /// Where it was captured.
    #[serde(flatten)]
    pub host: Host,
}

impl Metadata {
    /// Of a capture taken now.
    pub fn new(session: Session, host: Host) -> Metadata {
        Metadata { version: env!("CARGO_PKG_VERSION"), session, taken_at: Utc::now(), host }
    }
}

/// 128 random bits as 32 hexadecimal digits. The standard library seeds each hasher's keys from
/// the system's random numbers.
pub fn random_id() -> String {
    let bits = || RandomState::new().hash_one(0);
    format!("{:016x}{:016x}", bits(), bits())
}

fn rfc3339<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
}
