//! Tells whether a profile that V8 hands out belongs to the session that we started.
//!
//! V8 has one sampler per isolate and no notion of an owner: another agent can stop ours and start
//! its own. Two facts of V8's SamplingHeapProfiler give that away, and neither is ever wrong about
//! our own session: the count of a sample follows from its size and the session's interval, and a
//! node id, once given, means the same function under the same parent until the session ends.

use std::hash::{Hash, Hasher};

use rustc_hash::{FxHashMap, FxHasher};

use super::{Profile, estimate};

/// Node ids are remembered up to this one: another session's ids start at 1 too.
const HIGHEST_ID: u32 = 512;
/// Samples whose count is checked against the interval.
const SAMPLES: usize = 64;

/// What the oldest nodes of a session are.
#[derive(Debug, Default)]
pub struct Fingerprint {
    nodes: FxHashMap<u32, u64>,
}

impl Fingerprint {
    /// The fingerprint of a profile.
    pub fn of(profile: &Profile) -> Fingerprint {
        let old = profile.nodes.iter().filter(|node| node.id <= HIGHEST_ID);
        let nodes = old.map(|node| {
            let mut hasher = FxHasher::default();
            profile.nodes[node.parent as usize].id.hash(&mut hasher);
            profile.strings[node.name as usize].hash(&mut hasher);
            (node.script_id, node.start_position).hash(&mut hasher);
            (node.id, hasher.finish())
        });
        Fingerprint { nodes: nodes.collect() }
    }

    /// Whether no node id means one thing here and another there.
    pub fn agrees_with(&self, other: &Fingerprint) -> bool {
        self.nodes.iter().all(|(id, node)| other.nodes.get(id).is_none_or(|same| same == node))
    }
}

/// Whether V8 scaled the samples for the interval that the profile's session has.
pub fn has_interval(profile: &Profile) -> bool {
    let Some(interval) = profile.interval() else { return false };
    profile.samples.iter().take(SAMPLES).all(|sample| {
        let expected = estimate::v8_count(sample.size, interval, 1);
        estimate::is_same_count(sample.count.into(), expected.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::testing;
    use std::sync::Arc;

    #[test]
    fn a_session_agrees_with_itself_while_nodes_come_and_go() {
        let before = testing::profile(&[(1, 0, "(root)"), (2, 0, "a"), (3, 1, "b")]);
        let after = testing::profile(&[(1, 0, "(root)"), (2, 0, "a"), (9, 1, "c")]);
        assert!(Fingerprint::of(&before).agrees_with(&Fingerprint::of(&after)));
    }

    #[test]
    fn another_name_or_parent_for_an_id_gives_a_stranger_away() {
        let ours =
            Fingerprint::of(&testing::profile(&[(1, 0, "(root)"), (2, 0, "a"), (3, 1, "b")]));
        for theirs in [
            [(1, 0, "(root)"), (2, 0, "b"), (3, 1, "b")],
            [(1, 0, "(root)"), (2, 0, "a"), (3, 0, "b")],
        ] {
            assert!(!ours.agrees_with(&Fingerprint::of(&testing::profile(&theirs))));
        }
    }

    #[test]
    fn counts_give_another_interval_away() {
        let mut profile = testing::profile(&[(1, 0, "(root)")]);
        let interval = profile.interval().unwrap();
        profile.parts_mut().samples = Arc::new(
            [16, 4096, 600_000]
                .map(|size| testing::sample(1, size, estimate::v8_count(size, interval, 1)))
                .to_vec(),
        );
        assert!(has_interval(&profile));
        profile.parts_mut().metadata.sample_interval_bytes = Some(32_768);
        assert!(!has_interval(&profile));
    }
}
