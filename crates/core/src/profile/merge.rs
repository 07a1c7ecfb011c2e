//! The profiles of several threads as one, in which each thread is the root of its own calls.

use std::sync::Arc;

use super::metadata::Metadata;
use super::text::Strings;
use super::{Node, Parts, Profile, Sample, Thread};

/// What becomes the first node's name, as V8 has it.
const ROOT: &str = "(root)";

/// A thread's profile and how it is shown.
pub struct Part {
    /// Such as `(worker 3)`.
    pub name: String,
    /// `worker_threads.threadId`.
    pub thread_id: u32,
    /// What it held.
    pub profile: Profile,
}

/// One profile of all, with the metadata of the first but for what is one thread's alone. Numbers add up
/// only where all have one sampling interval and one kind of objects: [`can_join`] says so.
pub fn merge(parts: &[Part]) -> Profile {
    let mut merged = Merged::default();
    merged.add_root();
    for part in parts {
        merged.add(part);
    }
    let metadata = parts.first().map(|first| common(&first.profile.metadata)).unwrap_or_default();
    Profile::from_file(Parts {
        metadata,
        strings: Arc::new(merged.strings.into_vec()),
        nodes: Arc::new(merged.nodes),
        samples: Arc::new(merged.samples),
        threads: Arc::new(merged.threads),
        knows_liveness: parts.iter().all(|part| part.profile.knows_liveness),
        ..Parts::default()
    })
}

/// Whether the numbers of one mean the same as those of the other.
pub fn can_join(first: &Profile, other: &Profile) -> bool {
    let meaning = |profile: &Profile| {
        let Metadata { sample_interval_bytes, include, .. } = profile.metadata;
        (sample_interval_bytes, include, profile.knows_liveness)
    };
    meaning(first) == meaning(other)
}

/// Without a session, as ordinals of several do not compare.
fn common(first: &Metadata) -> Metadata {
    Metadata {
        session_id: None,
        started_at: None,
        thread_id: None,
        full_collections: None,
        ..first.clone()
    }
}

#[derive(Default)]
struct Merged {
    strings: Strings,
    nodes: Vec<Node>,
    samples: Vec<Sample>,
    threads: Vec<Thread>,
}

impl Merged {
    fn add_root(&mut self) {
        let (name, script_name) = (self.strings.intern(ROOT), self.strings.intern(""));
        self.nodes.push(Node {
            id: 1,
            parent: 0,
            name,
            script_name,
            script_id: 0,
            start_position: 0,
            line_number: 0,
            column_number: 0,
            call_line: 0,
            allocations_end: 0,
        });
    }

    /// Its root becomes the thread's frame. Ids and ordinals are numbered anew, in the order they had.
    fn add(&mut self, part: &Part) {
        let profile = &part.profile;
        let strings: Vec<u32> =
            profile.strings.iter().cloned().map(|text| self.strings.intern_text(text)).collect();
        let own_name = self.strings.intern(&part.name);
        let first = self.nodes.len() as u32;
        self.threads.push(Thread { node: first, id: part.thread_id });
        // A capture's V8 summaries are worked out anew, with the ids.
        for (index, node) in profile.nodes.iter().enumerate() {
            let is_root = index == 0;
            self.nodes.push(Node {
                id: first + index as u32 + 1,
                parent: if is_root { 0 } else { first + node.parent },
                name: if is_root { own_name } else { strings[node.name as usize] },
                script_name: strings[node.script_name as usize],
                ..node.clone()
            });
        }
        let totals = profile.totals();
        for &index in &totals.by_age {
            let Some(node) = totals.sample_nodes[index as usize] else { continue };
            let ordinal = self.samples.len() as u64 + 1;
            let node_id = first + node + 1;
            self.samples.push(Sample { ordinal, node_id, ..profile.samples[index as usize] });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    fn small() -> Profile {
        let mut profile = testing::profile(&[(1, 0, "(root)"), (5, 0, "a"), (9, 1, "b")]);
        let samples = vec![testing::sample(5, 64, 1), testing::sample(9, 1 << 20, 1)];
        profile.parts_mut().samples = Arc::new(samples);
        profile
    }

    fn part(name: &str, thread_id: u32) -> Part {
        Part { name: name.into(), thread_id, profile: small() }
    }

    #[test]
    fn each_thread_is_a_child_of_the_root_with_all_that_it_had() {
        let one = small();
        let merged = merge(&[part("(main)", 0), part("(worker 3)", 3)]);
        let name = |node: &Node| merged.strings[node.name as usize].to_utf8().into_owned();
        assert_eq!(merged.nodes.len(), 1 + 2 * one.nodes.len());
        let tops: Vec<String> =
            merged.nodes.iter().skip(1).filter(|node| node.parent == 0).map(name).collect();
        assert_eq!(tops, ["(main)", "(worker 3)"]);
        let live = |profile: &Profile| profile.totals().live_bytes.unwrap();
        assert!((live(&merged) - 2.0 * live(&one)).abs() < 1e-6 * live(&one));
        assert_eq!(merged.totals().dropped_samples, 0);
        let mut ids: Vec<u32> = merged.nodes.iter().map(|node| node.id).collect();
        ids.dedup();
        assert_eq!(ids.len(), merged.nodes.len());
    }

    #[test]
    fn other_intervals_cannot_join() {
        let mut other = small();
        assert!(can_join(&small(), &other));
        other.parts_mut().metadata.sample_interval_bytes = Some(7);
        assert!(!can_join(&small(), &other));
    }
}
