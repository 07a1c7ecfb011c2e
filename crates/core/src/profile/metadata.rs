//! What a profile says about itself and the process it was taken in.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::ops::RangeInclusive;

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use serde::{Deserialize, Serialize, Serializer};

/// Which sampled objects a session keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Average bytes between two samples, 1 to 2^31 - 1.
    pub sample_interval_bytes: u32,
    /// Frames kept of each stack, 1 to 1024.
    pub stack_depth: u32,
    /// Whether a full garbage collection precedes each capture.
    pub force_gc: bool,
    /// Which objects are kept.
    pub include: Include,
    /// Whether exact stacks were asked for: see [`ExactStacks`].
    pub exact_stacks: bool,
    /// Whether what Buffers hold outside of V8's heap is sampled, too.
    pub external_memory: bool,
}

impl Options {
    /// The intervals that V8 takes: it aborts the process on 0.
    pub const INTERVALS: RangeInclusive<u32> = 1..=i32::MAX as u32;
    /// The depths that we take.
    pub const DEPTHS: RangeInclusive<u32> = 1..=1024;
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
            exact_stacks: false,
            external_memory: false,
        }
    }
}

/// A sampling session that runs.
#[derive(Clone, Debug)]
pub struct Session {
    /// Random, the same for all profiles of one session.
    pub session_id: String,
    /// When sampling started.
    pub started_at: DateTime<Utc>,
    /// Its options.
    pub options: Options,
}

/// `process.memoryUsage()`, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default)]
pub struct Host {
    /// `process.pid`.
    pub pid: u32,
    /// `worker_threads.threadId`; 0 is the main thread.
    pub thread_id: u32,
    /// `process.version`.
    pub node_version: String,
    /// `process.versions.v8`.
    pub v8_version: String,
    /// `process.memoryUsage()` just before the capture; none where JavaScript could not be asked.
    pub memory_usage: Option<MemoryUsage>,
    /// `v8.getHeapStatistics().heap_size_limit`, bytes.
    pub heap_size_limit: f64,
    /// Where heap-profile lies: what its own functions allocate is not the program's.
    pub own_directory: Option<String>,
    /// Whether the program was ending.
    pub at_exit: bool,
}

/// What came of a session's wish for exact stacks: those in which functions that V8 inlined have frames of
/// their own, and lines are known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExactStacks {
    /// Whether they are had.
    pub enabled: bool,
    /// Why not, where they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Samples of live objects that have an exact stack.
    pub exact_samples: u64,
    /// Samples of live objects that have the stack that V8 took, as ever.
    pub v8_samples: u64,
}

/// What came of a session's wish to sample Buffers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExternalMemory {
    /// Whether they are sampled.
    pub enabled: bool,
    /// Why not, where they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a profile says about itself: the `heapProfile` key of our files. A file of another tool
/// has little of it or nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    /// The version of this package.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// See [`Session`]; between profiles that have the same, ordinals can be compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// When sampling started.
    #[serde(skip_serializing_if = "Option::is_none", with = "rfc3339")]
    pub started_at: Option<DateTime<Utc>>,
    /// See [`Options`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_interval_bytes: Option<u32>,
    /// See [`Options`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack_depth: Option<u32>,
    /// See [`Options`].
    #[serde(rename = "forceGC", skip_serializing_if = "Option::is_none")]
    pub force_gc: Option<bool>,
    /// See [`Options`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include: Option<Include>,
    /// None where they were not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exact_stacks: Option<ExactStacks>,
    /// None where it was not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_memory: Option<ExternalMemory>,
    /// When it was captured.
    #[serde(skip_serializing_if = "Option::is_none", with = "rfc3339")]
    pub taken_at: Option<DateTime<Utc>>,
    /// See [`Host`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// See [`Host`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<u32>,
    /// See [`Host`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_version: Option<String>,
    /// See [`Host`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub v8_version: Option<String>,
    /// See [`Host`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_usage: Option<MemoryUsage>,
    /// See [`Host`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heap_size_limit: Option<f64>,
    /// See [`Host`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own_directory: Option<String>,
    /// Full garbage collections (mark-compact) from the start of the session to the capture: what
    /// none of them has looked at counts as live. Other tools' files lack it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_collections: Option<u64>,
    /// Whether it was captured while the program ended: what that held until then may be gone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub at_exit: bool,
    /// Samples that were left out because the tree lacks their node.
    pub dropped_samples: u64,
    /// What the user says of the profile, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Why some frames are not those of the original code although they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

/// One reason why frames were left as they were.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Warning {
    /// The script, as V8 names it.
    pub url: String,
    /// What is wrong with its source map.
    pub message: String,
    /// Frames (nodes) that it has in the profile.
    pub count: u32,
}

impl Metadata {
    /// Of a capture taken now.
    pub fn new(session: Session, host: Host) -> Metadata {
        Metadata {
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            session_id: Some(session.session_id),
            started_at: Some(session.started_at),
            sample_interval_bytes: Some(session.options.sample_interval_bytes),
            stack_depth: Some(session.options.stack_depth),
            force_gc: Some(session.options.force_gc),
            include: Some(session.options.include),
            taken_at: Some(now()),
            pid: Some(host.pid),
            thread_id: Some(host.thread_id),
            node_version: Some(host.node_version),
            v8_version: Some(host.v8_version),
            memory_usage: host.memory_usage,
            heap_size_limit: Some(host.heap_size_limit),
            own_directory: host.own_directory,
            at_exit: host.at_exit,
            ..Metadata::default()
        }
    }

    /// Whether collected objects are among the samples.
    pub fn includes_collected(&self) -> bool {
        self.include == Some(Include::Allocated)
    }
}

/// The time in whole milliseconds, which is what files say.
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(3)
}

/// 128 random bits as 32 hexadecimal digits.
pub fn random_id() -> String {
    format!("{:016x}{:016x}", random_bits(), random_bits())
}

/// The standard library seeds each hasher's keys from the system's random numbers.
pub fn random_bits() -> u64 {
    RandomState::new().hash_one(0)
}

/// Times in files: RFC 3339, whole milliseconds.
mod rfc3339 {
    use super::*;
    use serde::Deserializer;

    type Time = Option<DateTime<Utc>>;

    pub fn serialize<S: Serializer>(time: &Time, serializer: S) -> Result<S::Ok, S::Error> {
        let time = time.map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true));
        time.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        Ok(Time::deserialize(deserializer)?.map(|time| time.trunc_subsecs(3)))
    }
}
