//! The owned profile: a call tree, its samples and where they come from. No V8, no Node-API.

pub mod buffers;
pub mod estimate;
pub mod exact;
pub mod fingerprint;
pub mod lines;
pub mod memory;
pub mod merge;
pub mod metadata;
pub mod path;
mod summary;
mod text;
pub mod tree;

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use metadata::Warning;

pub use estimate::Estimate;
pub use memory::Memory;
pub use metadata::{ExactStacks, Include, Metadata};
pub use text::{Strings, Text};

/// One function in one calling context.
#[derive(Clone, Debug)]
pub struct Node {
    /// V8's node id, unique within a session.
    pub id: u32,
    /// Index of the caller in [`Parts::nodes`]; the root's is its own, 0.
    pub parent: u32,
    /// Index of the function's name in [`Parts::strings`].
    pub name: u32,
    /// Index of the script's name or URL in [`Parts::strings`].
    pub script_name: u32,
    /// V8's script id, 0 for none.
    pub script_id: i32,
    /// Where the function starts, in UTF-16 code units from the start of the script.
    pub start_position: i32,
    /// Line where the function starts, 1-based, 0 for unknown.
    pub line_number: i32,
    /// Column where the function starts, 1-based, 0 for unknown.
    pub column_number: i32,
    /// Line in the caller's function where it called this one, 1-based, 0 for unknown. Calls from two
    /// lines are two nodes.
    pub call_line: i32,
    /// End of this node's part of [`Parts::allocations`]; it begins where the previous node's
    /// ends.
    pub allocations_end: u32,
}

/// V8's own summary of a node's samples of one size.
#[derive(Clone, Copy, Debug)]
pub struct Allocation {
    /// Bytes of each object.
    pub size: u64,
    /// Objects, as V8 estimates and rounds it.
    pub count: u32,
}

/// One sampled object.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Its size in bytes.
    pub size: u64,
    /// V8's `sample_id`: increases with time within a session.
    pub ordinal: u64,
    /// [`Node::id`] of the node that allocated it.
    pub node_id: u32,
    /// Objects it stands for, as V8 estimates and rounds it.
    pub count: u32,
    /// Line in its node's function where it was allocated, 1-based, 0 for unknown.
    pub line: i32,
    /// Whether it is still alive; always true where V8 does not tell.
    pub is_live: bool,
}

/// Bytes that a file states without the objects they belong to: those of a tool that scaled and
/// summed its samples, or memory that was measured and not sampled.
#[derive(Clone, Copy, Debug)]
pub struct Stated {
    /// Index of the node in [`Parts::nodes`].
    pub node: u32,
    /// As of a sample.
    pub line: i32,
    /// How many bytes.
    pub bytes: f64,
    /// How many objects, if the file tells.
    pub objects: Option<f64>,
}

/// One thread of several in a profile.
#[derive(Clone, Copy, Debug)]
pub struct Thread {
    /// Index in [`Parts::nodes`] of the root of its calls.
    pub node: u32,
    /// `worker_threads.threadId`.
    pub id: u32,
}

/// What a profile is made of.
///
/// Where [`Profile::interval`] is known, samples are objects and totals are estimated from them.
/// Where it is not, a sample's size is what the file says that it stands for, and totals are those
/// of the file: `stated`.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    /// Where it comes from.
    pub metadata: Metadata,
    /// Names of functions and scripts, each once.
    pub strings: Arc<Vec<Text>>,
    /// In pre-order: a node comes after its caller and before its caller's next callee. The first one
    /// is the root.
    pub nodes: Arc<Vec<Node>>,
    /// V8's summaries, by node.
    pub allocations: Arc<Vec<Allocation>>,
    /// The sampled objects, in no order.
    pub samples: Arc<Vec<Sample>>,
    /// What is known beside the samples, by node; nothing in a capture of ours.
    pub stated: Arc<Vec<Stated>>,
    /// The threads of a profile that several were merged into, in the order of their nodes; else none.
    pub threads: Arc<Vec<Thread>>,
    /// Whether collected objects are told from live ones.
    pub knows_liveness: bool,
}

/// A call tree with its samples, at one moment of a sampling session.
///
/// Its parts are not changed in place, as sums over them are kept. What is made of it, with other
/// labels or names, shares what is the same.
#[derive(Clone, Debug)]
pub struct Profile {
    parts: Parts,
    totals: Arc<OnceLock<Totals>>,
}

impl Deref for Profile {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

/// The parts of a profile with other names and positions of functions and other lines, and what kept some from
/// having them. All else must be the same.
#[derive(Debug)]
pub struct Renamed {
    /// See [`Parts`].
    pub strings: Vec<Text>,
    /// See [`Parts`].
    pub nodes: Vec<Node>,
    /// See [`Parts`].
    pub samples: Vec<Sample>,
    /// See [`Parts`].
    pub stated: Vec<Stated>,
    /// See [`Metadata`].
    pub warnings: Vec<Warning>,
}

/// What follows from the samples. See [`estimate`] for the numbers.
#[derive(Clone, Debug)]
pub struct Totals {
    /// Estimated bytes by node, of all samples that the session includes.
    pub self_sizes: Vec<f64>,
    /// Index of each sample's node in [`Parts::nodes`]; none if the tree lacks it.
    pub sample_nodes: Vec<Option<u32>>,
    /// Indexes of the samples that have a node, oldest first.
    pub by_age: Vec<u32>,
    /// Samples without a node.
    pub dropped_samples: u64,
    /// Estimated bytes of live objects; none where it is not known which ones are.
    pub live_bytes: Option<f64>,
}

impl Profile {
    /// Of these parts; `nodes[0]` must be the root.
    pub fn new(parts: Parts) -> Profile {
        Profile { parts, totals: Arc::default() }
    }

    /// Of these parts of a file, but for V8's summaries, which are worked out from the rest.
    pub fn from_file(parts: Parts) -> Profile {
        let mut profile = Profile::new(parts);
        let (ends, allocations) = summary::of(&profile);
        // Neither has a part in the sums.
        for (node, end) in Arc::make_mut(&mut profile.parts.nodes).iter_mut().zip(ends) {
            node.allocations_end = end;
        }
        profile.parts.allocations = Arc::new(allocations);
        profile
    }

    /// The parts, to be changed; the sums are worked out anew.
    pub fn parts_mut(&mut self) -> &mut Parts {
        self.totals = Arc::default();
        &mut self.parts
    }

    /// With labels beside those it has; they replace those of the same name.
    pub fn labelled(&self, labels: HashMap<String, String>) -> Profile {
        let mut profile = self.clone();
        profile.parts.metadata.labels.extend(labels);
        profile
    }

    /// With other names and lines.
    pub fn renamed(&self, renamed: Renamed) -> Profile {
        let mut profile = self.clone();
        let Renamed { strings, nodes, samples, stated, warnings } = renamed;
        profile.parts.strings = Arc::new(strings);
        profile.parts.nodes = Arc::new(nodes);
        profile.parts.samples = Arc::new(samples);
        profile.parts.stated = Arc::new(stated);
        profile.parts.metadata.warnings = warnings;
        profile
    }

    /// Sums over the samples, worked out once.
    pub fn totals(&self) -> &Totals {
        self.totals.get_or_init(|| self.sum())
    }

    /// Average bytes between two samples, where the file tells: 1 to 2^31 - 1.
    pub fn interval(&self) -> Option<u32> {
        self.metadata.sample_interval_bytes
    }

    /// Which objects its numbers are of.
    pub fn counted(&self) -> Include {
        if self.knows_liveness { Include::Live } else { Include::Allocated }
    }

    /// V8's summaries of the node at `index`.
    #[cfg(test)]
    pub fn allocations_of(&self, index: usize) -> &[Allocation] {
        let start = index.checked_sub(1).map_or(0, |before| self.nodes[before].allocations_end);
        &self.allocations[start as usize..self.nodes[index].allocations_end as usize]
    }

    /// How many children each node has.
    pub fn child_counts(&self) -> Vec<u32> {
        let mut counts = vec![0; self.nodes.len()];
        // The root is nobody's child.
        for node in self.nodes.iter().skip(1) {
            counts[node.parent as usize] += 1;
        }
        counts
    }

    /// The samples that have a node, oldest first.
    pub fn samples_by_age(&self) -> impl Iterator<Item = &Sample> {
        self.totals().by_age.iter().map(|&index| &self.samples[index as usize])
    }

    /// Bytes that the sample stands for: estimated, or as the file says.
    pub fn bytes_of(&self, sample: &Sample) -> f64 {
        match self.interval() {
            Some(interval) => estimate::sample_bytes(sample.size, interval),
            None => sample.size as f64,
        }
    }

    /// What the samples of a kind stand for; none where that cannot be told: the interval is
    /// unknown, or which objects are of that kind.
    pub fn estimate(&self, include: Include) -> Option<Estimate> {
        let interval = self.interval()?;
        let (only_live, is_known) = match include {
            Include::Live => (true, self.knows_liveness),
            Include::Allocated => (false, self.metadata.includes_collected()),
        };
        let mut estimate = is_known.then(Estimate::default)?;
        for sample in self.samples_by_age() {
            if sample.is_live || !only_live {
                estimate.add(sample.size, interval, 1);
            }
        }
        Some(estimate)
    }

    /// Bytes that the profile takes in memory.
    pub fn heap_bytes(&self) -> usize {
        size_of_val::<[Node]>(&self.nodes)
            + size_of_val::<[Allocation]>(&self.allocations)
            + size_of_val::<[Sample]>(&self.samples)
            + size_of_val::<[Stated]>(&self.stated)
            + size_of_val::<[Text]>(&self.strings)
            + self.strings.iter().map(Text::heap_bytes).sum::<usize>()
    }

    fn sum(&self) -> Totals {
        let indexes = self.node_indexes();
        let sample_nodes: Vec<Option<u32>> =
            self.samples.iter().map(|sample| indexes[&sample.node_id]).collect();
        let by_age = self.order_by_age(&sample_nodes);
        let mut self_sizes = vec![0.0; self.nodes.len()];
        let mut live_bytes = 0.0;
        // A file states its own sums where it does not say how to work them out.
        let summed = if self.interval().is_some() { by_age.as_slice() } else { &[] };
        // By age, as files have them: floating-point sums depend on the order.
        for &index in summed {
            let sample = &self.samples[index as usize];
            let bytes = self.bytes_of(sample);
            if let Some(node) = sample_nodes[index as usize] {
                self_sizes[node as usize] += bytes;
            }
            if sample.is_live {
                live_bytes += bytes;
            }
        }
        // After the samples, as a file's readers find it: what its sums say beyond the samples.
        for stated in self.stated.iter() {
            self_sizes[stated.node as usize] += stated.bytes;
            live_bytes += stated.bytes;
        }
        Totals {
            self_sizes,
            dropped_samples: (sample_nodes.len() - by_age.len()) as u64,
            sample_nodes,
            by_age,
            live_bytes: self.knows_liveness.then_some(live_bytes),
        }
    }

    fn order_by_age(&self, sample_nodes: &[Option<u32>]) -> Vec<u32> {
        let all = 0..self.samples.len() as u32;
        let mut order: Vec<u32> =
            all.filter(|&index| sample_nodes[index as usize].is_some()).collect();
        order.sort_by_key(|&index| self.samples[index as usize].ordinal);
        order
    }

    /// Where the nodes that have samples stand in the tree, by id.
    fn node_indexes(&self) -> foldhash::HashMap<u32, Option<u32>> {
        let mut indexes: foldhash::HashMap<u32, Option<u32>> =
            self.samples.iter().map(|sample| (sample.node_id, None)).collect();
        for (index, node) in self.nodes.iter().enumerate() {
            if let Some(slot) = indexes.get_mut(&node.id) {
                *slot = Some(index as u32);
            }
        }
        indexes
    }
}

#[cfg(test)]
pub mod testing {
    //! Small profiles for tests.

    use super::metadata::{Host, Options, Session};
    use super::*;
    use chrono::DateTime;

    /// Metadata with fixed times.
    pub fn metadata() -> Metadata {
        let time = DateTime::from_timestamp_millis(1_700_000_000_000).unwrap_or_default();
        let options = Options::default();
        let session = Session { session_id: "5e55".into(), started_at: time, options };
        Metadata {
            version: Some("1.2.3".into()),
            taken_at: Some(time),
            ..Metadata::new(session, Host::default())
        }
    }

    /// A profile of nodes `(id, index of the parent, name)` without samples.
    pub fn profile(nodes: &[(u32, u32, &str)]) -> Profile {
        let texts = nodes.iter().map(|node| Text::from(node.2));
        let strings = texts.chain([Text::from("/app/server.js")]).collect();
        let script_name = nodes.len() as u32;
        let nodes = nodes.iter().zip(0..).map(|(&(id, parent, _), name)| Node {
            id,
            parent,
            name,
            script_name,
            script_id: 7,
            start_position: 0,
            line_number: id as i32,
            column_number: 1,
            call_line: 0,
            allocations_end: 0,
        });
        Profile::new(Parts {
            metadata: metadata(),
            strings: Arc::new(strings),
            nodes: Arc::new(nodes.collect()),
            knows_liveness: true,
            ..Parts::default()
        })
    }

    /// A live sample.
    pub fn sample(node_id: u32, size: u64, count: u32) -> Sample {
        let ordinal = u64::from(node_id) * 1000 + size;
        Sample { size, ordinal, node_id, count, line: 0, is_live: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled() -> Profile {
        let mut profile = testing::profile(&[(1, 0, "(root)"), (5, 0, "a"), (3, 1, "b")]);
        profile.parts_mut().samples = Arc::new(vec![
            testing::sample(3, 1 << 30, 1),
            testing::sample(5, 1 << 20, 1),
            testing::sample(3, 8, 1),
        ]);
        profile
    }

    #[test]
    fn sums_samples_by_node() {
        let profile = sampled();
        let totals = profile.totals();
        assert_eq!(totals.self_sizes[0], 0.0);
        assert_eq!(totals.self_sizes[1], estimate::sample_bytes(1 << 20, 524_288));
        assert!(totals.self_sizes[2] > f64::from(1 << 30));
        assert_eq!(totals.live_bytes, Some(totals.self_sizes.iter().sum()));
    }

    #[test]
    fn drops_and_counts_samples_without_a_node() {
        let mut profile = sampled();
        Arc::make_mut(&mut profile.parts_mut().samples).push(testing::sample(99, 64, 1));
        assert_eq!(profile.totals().dropped_samples, 1);
        assert_eq!(profile.samples_by_age().count(), 3);
    }

    #[test]
    fn collected_samples_count_as_allocated_but_not_as_live() {
        let mut profile = sampled();
        Arc::make_mut(&mut profile.parts_mut().samples)[0].is_live = false;
        let totals = profile.totals();
        assert!(totals.self_sizes[2] > f64::from(1 << 30));
        assert!(totals.live_bytes.is_some_and(|bytes| bytes < f64::from(1 << 30)));
    }

    #[test]
    fn live_bytes_are_unknown_where_v8_does_not_tell() {
        let mut profile = sampled();
        profile.parts_mut().knows_liveness = false;
        assert_eq!(profile.totals().live_bytes, None);
    }

    #[test]
    fn orders_samples_by_age() {
        let profile = sampled();
        assert!(profile.samples_by_age().is_sorted_by_key(|sample| sample.ordinal));
    }
}
