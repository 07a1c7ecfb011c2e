//! Captures as no program leaves them, but a file may say anything: there is an answer to each question,
//! and it is JSON.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::testing::{CAPTURES, LEAKING, Random, SOUND, run_in};
use super::{Sessions, leaks};
use crate::analysis::answer::to_json;
use crate::analysis::sites::{By, Grouping, Sites};
use crate::analysis::testing::Call;
use crate::profile::metadata::MemoryUsage;
use crate::profile::{Metadata, Profile, Stated};

const CALLS: [Call; 6] = [
    call(0, "handle", "/app/a.js"),
    call(1, "get", "/app/a.js"),
    call(2, "get", "/app/a.js"),
    call(3, "push", ""),
    call(1, "read", "node:fs"),
    call(0, "takeSnapshot", "/app/node_modules/heap-profile/lib/snapshot.js"),
];

const fn call(caller: u32, name: &'static str, url: &'static str) -> Call {
    Call { caller, name, url, samples: &[] }
}

impl Random {
    fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[(self.next() * values.len() as f64) as usize]
    }

    /// Makes something of a capture what it cannot be.
    fn spoil(&mut self, profile: &mut Profile) {
        let what = self.one_of(&[0, 1, 2, 3, 4, 5, 6, 7]);
        let parts = profile.parts_mut();
        let (samples, metadata) = (Arc::make_mut(&mut parts.samples), &mut parts.metadata);
        match what {
            0 => samples.clear(),
            1 => {
                for sample in samples.iter_mut().take(self.one_of(&[1, 50])) {
                    sample.ordinal = self.one_of(&[0, 1, 1 << 53, u64::MAX - 1, u64::MAX]);
                    sample.size = self.one_of(&[1, 256, 1 << 30, 1 << 53]);
                    sample.node_id = self.one_of(&[1, 3, 7, 99]);
                }
            }
            2 => {
                let bytes = self.one_of(&[0.0, -1.0, 1e308, -1e308, f64::NAN]);
                parts.stated = Arc::new(vec![Stated { node: 2, line: 0, bytes, objects: None }]);
            }
            3 => metadata.session_id = self.one_of(&[None, Some("another")]).map(str::to_owned),
            4 => {
                let times = [None, Some(DateTime::UNIX_EPOCH), Some(DateTime::<Utc>::MAX_UTC)];
                metadata.taken_at = self.one_of(&times);
            }
            5 => metadata.sample_interval_bytes = self.one_of(&[None, Some(1), Some(1 << 30)]),
            6 => metadata.full_collections = self.one_of(&[None, Some(0), Some(u64::MAX)]),
            _ => self.spoil_usage(metadata),
        }
    }

    fn spoil_usage(&mut self, metadata: &mut Metadata) {
        const NUMBERS: [f64; 6] = [0.0, 1e6, 1e308, -1e308, f64::NAN, f64::INFINITY];
        metadata.memory_usage = Some(MemoryUsage {
            rss: self.one_of(&NUMBERS),
            heap_total: self.one_of(&NUMBERS),
            heap_used: self.one_of(&NUMBERS),
            external: self.one_of(&NUMBERS),
            array_buffers: self.one_of(&NUMBERS),
        });
        metadata.heap_size_limit = Some(self.one_of(&NUMBERS));
        metadata.at_exit = self.one_of(&[true, false]);
    }
}

/// A leak of two functions beside garbage, with V8's collections and a heap limit, and what is spoilt of it.
fn captures(random: &mut Random) -> Vec<Profile> {
    let allocations = [(3, LEAKING[0].1), (4, LEAKING[0].1), (6, SOUND[1].1), (7, LEAKING[0].1)];
    let mut captures = run_in(&CALLS, &allocations, random.one_of(&[1, 2, 3]), 256);
    let collections = random.one_of(&[1, 1, 1, 0]);
    for (capture, at) in captures.iter_mut().zip(0..) {
        let metadata = &mut capture.parts_mut().metadata;
        metadata.full_collections = Some(at * collections);
        metadata.memory_usage =
            Some(MemoryUsage { heap_used: 3e5 * at as f64, ..Default::default() });
        metadata.heap_size_limit = Some(4e7);
    }
    captures.truncate(random.one_of(&[0, 1, 2, 5, CAPTURES, CAPTURES]));
    for _ in 0..random.one_of(&[0, 1, 2, 4, 20]) {
        if let Some(at) = captures.len().checked_sub(1) {
            let at = random.one_of(&[0, at / 2, at]);
            random.spoil(&mut captures[at]);
        }
    }
    captures
}

#[test]
fn whatever_files_say_there_is_an_answer() {
    let mut verdicts = [0; 4];
    for seed in 1..=500_u64 {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let by = random.one_of(&[By::Function, By::Function, By::File, By::Package, By::Stack]);
        let hide_node_internals = random.one_of(&[true, false]);
        let mut sites = Sites::new(Grouping { by, hide_node_internals });
        let mut sessions = Sessions::default();
        for (capture, at) in captures(&mut random).iter().zip(0..) {
            sessions.add(capture, format!("{at}"), &mut sites);
        }
        let found = leaks(sessions, &sites, random.one_of(&[0, 2, usize::MAX]));
        to_json(&found).unwrap();
        assert!(found.leaks.iter().flat_map(|leak| &leak.sites).all(|&at| at < found.sites.len()));
        verdicts[found.verdict as usize] += 1;
    }
    // Else what comes after the first questions was not tried.
    assert!(verdicts.iter().all(|&count| count > 20), "{verdicts:?}");
}
