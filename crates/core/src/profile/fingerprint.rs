//! Tells whether a profile that V8 hands out belongs to the session that we started.
//!
//! V8 has one sampler per isolate and no notion of an owner: another agent can stop ours and start
//! its own. Three facts of V8's SamplingHeapProfiler give that away, and none is ever wrong about
//! our own session: the count of a sample follows from its size and the session's interval; a
//! node id, once given, means the same function under the same parent until the session ends; and
//! ordinals count the samples of a session, so that each new one is above all that there were.

use std::hash::{Hash, Hasher};

use rustc_hash::{FxHashMap, FxHasher};

use super::{Profile, Sample, estimate};

/// Node ids are remembered up to this one: another session's ids start at 1 too.
const HIGHEST_ID: u32 = 512;
/// So many of the oldest samples are remembered: another session's ordinals start at 1 too.
const OLDEST: usize = 512;
/// Samples whose count is checked against the interval.
const SAMPLES: usize = 64;

/// What the oldest nodes and samples of a session are.
#[derive(Debug, Default)]
pub struct Fingerprint {
    nodes: FxHashMap<u32, u64>,
    /// The oldest samples in ascending order: ordinal, size and node.
    oldest: Vec<(u64, u64, u32)>,
    /// The highest ordinal that there is or was; 0 if there was no sample yet.
    newest: u64,
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
        let identity = |sample: &Sample| (sample.ordinal, sample.size, sample.node_id);
        let mut oldest: Vec<_> = profile.samples.iter().map(identity).collect();
        let newest = oldest.iter().map(|&(ordinal, ..)| ordinal).max().unwrap_or_default();
        if oldest.len() > OLDEST {
            oldest.select_nth_unstable(OLDEST);
            oldest.truncate(OLDEST);
        }
        oldest.sort_unstable();
        Fingerprint { nodes: nodes.collect(), oldest, newest }
    }

    /// The session as a later profile shows it; none if that is of another session.
    pub fn followed_by(&self, later: Fingerprint) -> Option<Fingerprint> {
        let newest = self.newest.max(later.newest);
        let is_same = self.has_nodes_of(&later) && self.has_old_samples_of(&later);
        is_same.then_some(Fingerprint { newest, ..later })
    }

    /// Whether no node id means one thing here and another there.
    fn has_nodes_of(&self, later: &Fingerprint) -> bool {
        self.nodes.iter().all(|(id, node)| later.nodes.get(id).is_none_or(|same| same == node))
    }

    /// Whether what is there later is new, or was there before.
    fn has_old_samples_of(&self, later: &Fingerprint) -> bool {
        // Up to this ordinal all samples that were alive are known.
        let known_to =
            if self.oldest.len() < OLDEST { self.newest } else { self.oldest[OLDEST - 1].0 };
        later
            .oldest
            .iter()
            .take_while(|&&(ordinal, ..)| ordinal <= known_to)
            .all(|sample| self.oldest.binary_search(sample).is_ok())
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
        assert!(Fingerprint::of(&before).followed_by(Fingerprint::of(&after)).is_some());
    }

    #[test]
    fn another_name_or_parent_for_an_id_gives_a_stranger_away() {
        let ours =
            Fingerprint::of(&testing::profile(&[(1, 0, "(root)"), (2, 0, "a"), (3, 1, "b")]));
        for theirs in [
            [(1, 0, "(root)"), (2, 0, "b"), (3, 1, "b")],
            [(1, 0, "(root)"), (2, 0, "a"), (3, 0, "b")],
        ] {
            assert!(ours.followed_by(Fingerprint::of(&testing::profile(&theirs))).is_none());
        }
    }

    fn with_ordinals(ordinals: impl IntoIterator<Item = u64>) -> Fingerprint {
        let mut profile = testing::profile(&[(1, 0, "(root)")]);
        let sample = |ordinal| Sample { ordinal, ..testing::sample(1, 16, 1) };
        profile.parts_mut().samples = Arc::new(ordinals.into_iter().map(sample).collect());
        Fingerprint::of(&profile)
    }

    #[test]
    fn ordinals_go_on_in_a_session_and_start_anew_in_another() {
        let ours = || with_ordinals([4, 7, 9]);
        for later in [vec![], vec![7], vec![4, 9, 10], vec![11, 12]] {
            assert!(ours().followed_by(with_ordinals(later)).is_some());
        }
        for theirs in [vec![1], vec![5, 12], vec![4, 8]] {
            assert!(ours().followed_by(with_ordinals(theirs)).is_none());
        }
    }

    #[test]
    fn an_ordinal_stays_with_its_object() {
        let ours = with_ordinals([1, 2]);
        let mut profile = testing::profile(&[(1, 0, "(root)")]);
        profile.parts_mut().samples =
            Arc::new(vec![Sample { ordinal: 1, ..testing::sample(1, 24, 1) }]);
        assert!(ours.followed_by(Fingerprint::of(&profile)).is_none());
    }

    #[test]
    fn a_session_whose_samples_all_died_is_told_from_a_new_one() {
        let empty = with_ordinals([3]).followed_by(with_ordinals([])).unwrap();
        assert!(empty.followed_by(with_ordinals([1])).is_none());
        let empty = with_ordinals([3]).followed_by(with_ordinals([])).unwrap();
        assert!(empty.followed_by(with_ordinals([4])).is_some());
    }

    #[test]
    fn only_the_oldest_of_many_samples_are_compared() {
        let many = with_ordinals((1..2000).rev());
        assert_eq!((many.oldest.len(), many.newest), (OLDEST, 1999));
        assert!(many.followed_by(with_ordinals(2..3000)).is_some());
        assert!(
            with_ordinals((1..2000).filter(|index| index % 2 == 0))
                .followed_by(with_ordinals([31]))
                .is_none()
        );
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
