//! How much memory a leak hunt takes: a process of its own, as its peak is what is looked at.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::fs;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use heap_profile_core::analysis::answer::to_json;
use heap_profile_core::analysis::leaks::{Sessions, leaks};
use heap_profile_core::analysis::sites::Sites;
use heap_profile_core::profile::{Metadata, Node, Parts, Profile, Sample, Text};

const CAPTURES: u32 = 5000;
const SITES: u32 = 80;
/// Captures between two objects of a site.
const STEP: u32 = 40;

/// A capture of a program in which every site grows, but for a third of its objects.
fn capture(at: u32) -> Profile {
    let node = |site: u32| Node {
        id: site,
        parent: 0,
        name: site,
        script_name: site,
        script_id: 1,
        start_position: 0,
        line_number: 1,
        column_number: 1,
        call_line: 0,
        allocations_end: 0,
    };
    let sample = |born: u32, site: u32| {
        let ordinal = u64::from(born * SITES + site);
        Sample { size: 256, ordinal, node_id: site, count: 1, line: 0, is_live: true }
    };
    let born = (0..=at / STEP).filter(|born| born % 3 > 0 || at - born * STEP < CAPTURES / 3);
    let objects = born.flat_map(|born| (1..=SITES).map(move |site| sample(born, site)));
    let start = DateTime::from_timestamp_millis(1_700_000_000_000).unwrap();
    Profile::from_file(Parts {
        metadata: Metadata {
            session_id: Some("one".into()),
            sample_interval_bytes: Some(4096),
            taken_at: Some(start + TimeDelta::minutes(at.into())),
            ..Metadata::default()
        },
        strings: Arc::new((0..=SITES).map(|site| Text::from(&*format!("f{site}"))).collect()),
        nodes: Arc::new((0..=SITES).map(node).collect()),
        samples: Arc::new(objects.collect()),
        knows_liveness: true,
        ..Parts::default()
    })
}

/// The most memory that this process has had, bytes.
fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kibibytes: usize = line.trim().trim_end_matches(" kB").parse().unwrap();
    kibibytes << 10
}

#[test]
fn thousands_of_captures_of_growing_sites_take_little_memory_and_make_a_small_answer() {
    let (mut sites, mut sessions) = (Sites::new(Default::default()), Sessions::default());
    for at in 0..CAPTURES {
        sessions.add(&capture(at), format!("{at}.heapprofile"), &mut sites);
    }
    let found = leaks(sessions, &sites, usize::MAX);
    assert_eq!((found.snapshots.len(), found.sites.len()), (CAPTURES as usize, SITES as usize));
    assert!(found.sites.iter().all(|site| site.growth_bytes_per_hour.is_positive()));
    let answer = to_json(&found).unwrap();
    assert!(answer.len() < 8_000_000, "{} bytes", answer.len());
    assert!(peak() < 128 << 20, "{} MiB", peak() >> 20);
}
