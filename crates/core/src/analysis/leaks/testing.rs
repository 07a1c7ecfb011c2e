//! Programs of which it is known whether they leak, and the captures of a sampled run of them.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta};

use super::answer::Leaks;
use super::{Sessions, leaks};
use crate::analysis::sites::Sites;
use crate::analysis::testing::{Call, INTERVAL, profile, sample};
use crate::profile::{Profile, estimate};

pub const CAPTURES: usize = 7;

/// An object: when it is born and when it dies, in captures.
pub type Object = (f64, f64);

/// Numbers from 0 to 1: xorshift with a fixed seed.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// As many births as that, spread evenly from one time to another.
    pub fn births(&mut self, count: usize, from: f64, to: f64) -> Vec<f64> {
        let mut births: Vec<f64> = (0..count).map(|_| from + (to - from) * self.next()).collect();
        births.sort_by(f64::total_cmp);
        births
    }
}

pub const END: f64 = (CAPTURES - 1) as f64;
pub const FOREVER: f64 = 1e9;

/// What a program allocates in one function, some forty samples a capture where it matters.
pub type Program = fn(&mut Random) -> Vec<Object>;

pub fn live_for(births: Vec<f64>, lifetime: f64) -> Vec<Object> {
    births.into_iter().map(|birth| (birth, birth + lifetime)).collect()
}

pub const LEAKING: [(&str, Program); 4] = [
    ("a cache without bound", |random| live_for(random.births(3000, -1.0, END), FOREVER)),
    ("one in a hundred stays", |random| {
        let births = random.births(100_000, -1.0, END);
        let objects = births.into_iter().enumerate();
        objects
            .map(|(at, birth)| (birth, birth + if at % 100 < 3 { FOREVER } else { 0.05 }))
            .collect()
    }),
    ("bursts", |random| {
        let births = (0..20).flat_map(|burst| {
            let start = f64::from(burst) * 0.35 - 1.0;
            random.births(150, start, start + 0.05)
        });
        live_for(births.collect(), FOREVER)
    }),
    ("a leak among garbage", AMONG_GARBAGE),
];

/// A leak that is a hundredth of what its function allocates; the rest comes in bursts and is
/// garbage, some of which each capture finds.
pub const AMONG_GARBAGE: Program = |random| {
    let mut objects = live_for(random.births(2000, -1.0, END), FOREVER);
    for _ in 0..200 {
        let start = -1.0 + (END + 1.0) * random.next();
        let count = (8000.0 * random.next()) as usize;
        objects.extend(live_for(random.births(count, start, start + 0.1), 0.1));
    }
    objects
};

pub const SOUND: [(&str, Program); 9] = [
    ("a compiler, less and less often", |random| {
        let births = (0..4).flat_map(|_| {
            let start = -1.0 - 3.0 * random.next().ln();
            random.births(150, start, start + 0.01)
        });
        live_for(births.collect(), FOREVER)
    }),
    ("a full LRU cache", |random| live_for(random.births(8000, -3.0, END), 2.5)),
    ("a short-lived cache", |random| live_for(random.births(8000, -2.0, END), 0.7)),
    ("heavy garbage", |random| live_for(random.births(100_000, -1.0, END), 0.02)),
    ("a static table", |random| live_for(random.births(2000, -1.0, -0.5), FOREVER)),
    ("warm-up", |random| {
        let births = random.births(2000, 0.0, 1.0);
        live_for(
            births.into_iter().map(|at| -0.5 - (at * 0.999 + 0.001).ln() / 2.5).collect(),
            FOREVER,
        )
    }),
    ("a sawtooth", |random| {
        let births = random.births(8000, -1.0, END).into_iter();
        births.map(|birth| (birth, (birth / 1.3).ceil() * 1.3)).collect()
    }),
    ("a batch", |random| {
        let births = (0..4).flat_map(|batch| {
            let start = f64::from(batch) * 1.7 - 0.5;
            random.births(1000, start, start + 0.3)
        });
        live_for(births.collect(), 0.8)
    }),
    ("bursty load", |random| {
        let births = (0..12).flat_map(|burst| {
            let start = f64::from(burst) * 0.6 - 1.0 + 0.3 * random.next();
            let count = (1500.0 * random.next()) as usize;
            random.births(count, start, start + 0.1)
        });
        live_for(births.collect::<Vec<_>>(), 0.4)
    }),
];

/// The captures that a sampled run of the programs leaves.
pub fn run(programs: &[Program], seed: u64, size: u64) -> Vec<Profile> {
    let allocations: Vec<(u32, Program)> = (2..).zip(programs.iter().copied()).collect();
    run_in(&sites(programs.len()), &allocations, seed, size)
}

/// The same of programs that allocate in the nodes with these ids of a call tree: the first call's is 2.
pub fn run_in(
    calls: &[Call],
    allocations: &[(u32, Program)],
    seed: u64,
    size: u64,
) -> Vec<Profile> {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let p = size as f64 / estimate::sample_bytes(size, INTERVAL);
    let mut sampled: Vec<(f64, f64, u32)> = Vec::new();
    for &(node_id, program) in allocations {
        for (birth, death) in program(&mut random) {
            if random.next() < p {
                sampled.push((birth, death, node_id));
            }
        }
    }
    sampled.sort_by(|one, other| one.0.total_cmp(&other.0));
    (0..CAPTURES).map(|at| capture_in(calls, &sampled, at, size)).collect()
}

pub fn capture(sampled: &[(f64, f64, u32)], at: usize, programs: usize, size: u64) -> Profile {
    capture_in(&sites(programs), sampled, at, size)
}

fn sites(count: usize) -> Vec<Call> {
    (0..count).map(|_| call("site")).collect()
}

pub fn capture_in(calls: &[Call], sampled: &[(f64, f64, u32)], at: usize, size: u64) -> Profile {
    let mut profile = profile(calls);
    for (node, line) in Arc::make_mut(&mut profile.parts_mut().nodes).iter_mut().zip(0..) {
        node.line_number = line;
    }
    let time = at as f64;
    let alive =
        sampled.iter().zip(1..).filter(|((birth, death, _), _)| *birth <= time && *death > time);
    profile.parts_mut().samples =
        Arc::new(alive.map(|((_, _, id), ordinal)| sample(*id, size, ordinal)).collect());
    let start = DateTime::from_timestamp_millis(1_700_000_000_000).unwrap();
    profile.parts_mut().metadata.taken_at = Some(start + TimeDelta::hours(at as i64));
    Profile::from_file(profile.parts_mut().clone())
}

pub fn call(name: &'static str) -> Call {
    Call { caller: 0, name, url: "/app/a.js", samples: &[] }
}

/// The same of one program whose garbage V8 collects at these times only, which the captures tell.
pub fn run_collected(program: Program, seed: u64, collections: &[f64]) -> Vec<Profile> {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let p = 256.0 / estimate::sample_bytes(256, INTERVAL);
    let objects = program(&mut random).into_iter();
    let mut sampled: Vec<(f64, f64, u32)> = objects
        .filter(|_| random.next() < p)
        .map(|(birth, death)| {
            let seen = collections.iter().find(|&&time| time >= death);
            (birth, seen.copied().unwrap_or(FOREVER), 2)
        })
        .collect();
    sampled.sort_by(|one, other| one.0.total_cmp(&other.0));
    let count = |at: usize| collections.iter().filter(|&&time| time <= at as f64).count();
    let collected = |at: usize| {
        let mut profile = capture(&sampled, at, 1, 256);
        profile.parts_mut().metadata.full_collections = Some(count(at) as u64);
        profile
    };
    (0..CAPTURES).map(collected).collect()
}

/// As files are that do not tell of collections.
pub fn untold(mut profiles: Vec<Profile>) -> Vec<Profile> {
    for profile in &mut profiles {
        profile.parts_mut().metadata.full_collections = None;
    }
    profiles
}

/// The answer to those captures.
pub fn judge(profiles: &[Profile]) -> Leaks {
    let mut sites = Sites::new(Default::default());
    let mut sessions = Sessions::default();
    for (at, profile) in profiles.iter().enumerate() {
        sessions.add(profile, format!("{at}.heapprofile"), &mut sites);
    }
    leaks(sessions, &sites, usize::MAX)
}
