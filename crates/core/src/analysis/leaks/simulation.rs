//! Verdicts on thousands of populations of which the truth is known: objects are born and die, V8 samples
//! them and collects now and then, and captures are taken. Whatever the moment one looks, what is bounded is
//! no leak, and what is not is found as `detectable` says.

use std::f64::consts::TAU;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta};

use super::answer::Verdict;
use super::testing::{FOREVER, Object, Random, call, judge};
use crate::analysis::testing::{INTERVAL, profile, sample};
use crate::profile::Profile;

/// Time is counted in spans of observation: it begins at 0 and ends at 1. Before, nothing is sampled.
const START: f64 = -0.1;

/// A part of a program, seen in one run.
struct Population {
    objects: Vec<Object>,
    /// When a bounded one has all that it will hold; never, of one without bound.
    full_at: f64,
}

/// How it is looked at.
#[derive(Clone, Copy)]
struct Look {
    captures: usize,
    /// Full collections in the span of observation, one before each capture if none.
    collections: Option<usize>,
}

impl Random {
    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.next()
    }

    fn log_between(&mut self, low: f64, high: f64) -> f64 {
        self.between(low.ln(), high.ln()).exp()
    }

    fn pick(&mut self, count: usize) -> usize {
        (self.next() * count as f64) as usize
    }

    /// From five captures to sixty, with a collection for each, or some by themselves.
    fn look(&mut self) -> Look {
        let captures = self.log_between(5.0, 60.0).round() as usize;
        let collections = (self.next() < 0.5).then(|| self.log_between(5.0, 60.0) as usize);
        Look { captures, collections }
    }

    /// Births at that many in the span of observation, as requests come: steadily, in bursts, by day and
    /// night.
    fn requests(&mut self, rate: f64) -> Vec<f64> {
        let shape = self.pick(3);
        self.requests_of(shape, rate)
    }

    /// Of shape 0 steadily.
    fn requests_of(&mut self, shape: usize, rate: f64) -> Vec<f64> {
        let phase = self.next();
        let period = if shape == 2 { self.between(0.2, 0.7) } else { self.between(0.02, 0.16) };
        let load = |time: f64| match shape {
            0 => 1.0,
            1 if (time / period + phase).fract() < 0.25 => 3.4,
            1 => 0.2,
            _ => 1.0 + 0.9 * (TAU * (time / period + phase)).sin(),
        };
        let count = (rate * (1.0 - START)).round() as usize;
        let mut births = Vec::with_capacity(count);
        while births.len() < count {
            let time = self.between(START, 1.0);
            if self.next() * 3.4 < load(time) {
                births.push(time);
            }
        }
        births.sort_by(f64::total_cmp);
        births
    }
}

/// How many kinds of what is bounded there are.
const BOUNDED: usize = 8;

/// What lets go, or stops growing, of that kind.
fn bounded(kind: usize, random: &mut Random) -> Population {
    let life = random.log_between(0.02, 0.45);
    let held = random.log_between(4.0, 300.0);
    let births = random.requests(held / life);
    let until = |births: Vec<f64>, death: &dyn Fn(usize, f64) -> f64| {
        births.iter().enumerate().map(|(at, &birth)| (birth, death(at, birth))).collect()
    };
    let capacity = held as usize;
    let full_at = START + life;
    match kind {
        // A window, or what expires.
        0 => Population { objects: until(births, &|_, birth| birth + life), full_at },
        // A ring.
        1 => {
            let gone = births.clone();
            let death = |at: usize, _| gone.get(at + capacity).copied().unwrap_or(FOREVER);
            let full_at = gone.get(capacity).copied().unwrap_or(1.0);
            Population { objects: until(births, &death), full_at }
        }
        // A cache of which some are used over and over.
        2 => {
            let lives: Vec<f64> =
                births
                    .iter()
                    .map(|_| {
                        if random.next() < 0.1 {
                            3.0 * life
                        } else {
                            life * random.between(0.6, 1.4)
                        }
                    })
                    .collect();
            let death = |at: usize, birth: f64| birth + lives[at];
            Population { objects: until(births, &death), full_at: START + 3.0 * life }
        }
        // All of it goes at once.
        3 => {
            let death = |_, birth: f64| ((birth / life).floor() + 1.0) * life;
            Population {
                objects: until(births, &death),
                full_at: (START / life).ceil() * life + life,
            }
        }
        // A pool: as many as were ever needed at once.
        4 => {
            let births = (0..capacity).map(|_| START + life * random.next().powi(2)).collect();
            Population { objects: until(births, &|_, _| FOREVER), full_at }
        }
        // A warm-up: so many keys, the later the rarer a new one.
        5 => {
            let births = (0..capacity).map(|_| START - life / 2.0 * random.next().ln()).collect();
            // 4.6 time constants are 99 %.
            Population { objects: until(births, &|_, _| FOREVER), full_at: START + 2.3 * life }
        }
        // Garbage that lives as long as a request.
        6 => {
            let births = random.requests(20.0 * held);
            let lives: Vec<f64> = births.iter().map(|_| random.log_between(1e-4, 0.02)).collect();
            Population { objects: until(births, &|at, birth| birth + lives[at]), full_at: START }
        }
        // What V8 compiles: dozens of objects that stay, at few moments.
        _ => {
            let moments: Vec<f64> = (0..4).map(|_| START - 0.15 * random.next().ln()).collect();
            let births =
                moments.iter().flat_map(|&moment| vec![moment; capacity / 4 + 1]).collect();
            let full_at = moments.iter().copied().fold(START, f64::max);
            Population { objects: until(births, &|_, _| FOREVER), full_at }
        }
    }
}

/// So many objects stay in the span of observation, of so many times as many that are allocated in the
/// same place.
fn unbounded(stay: f64, of: f64, random: &mut Random) -> Population {
    let births = random.requests(stay * of);
    some_stay(births, of, random)
}

fn some_stay(births: Vec<f64>, of: f64, random: &mut Random) -> Population {
    let object = |birth| {
        let stays = random.next() * of < 1.0;
        (birth, if stays { FOREVER } else { birth + random.log_between(1e-4, 0.01) })
    };
    Population { objects: births.into_iter().map(object).collect(), full_at: FOREVER }
}

/// The captures of one population, beside others of which nothing stays.
fn captures(population: &Population, look: Look, random: &mut Random) -> Vec<Profile> {
    let times: Vec<f64> =
        (0..look.captures).map(|at| at as f64 / (look.captures - 1) as f64).collect();
    let mut collections: Vec<f64> = match look.collections {
        Some(count) => (0..count).map(|_| random.between(START, 1.0)).collect(),
        None => times.clone(),
    };
    collections.sort_by(f64::total_cmp);
    // Those that V8 has not found to be dead are there.
    let collected = |death: f64| {
        let next = collections.partition_point(|&time| time < death);
        collections.get(next).copied().unwrap_or(FOREVER)
    };
    let others = (0..(population.objects.len() * 2)).map(|_| (random.between(START, 1.0), START));
    let mut sampled: Vec<Object> = population
        .objects
        .iter()
        .map(|&(birth, death)| (birth, collected(death)))
        .chain(others)
        .collect();
    sampled.sort_by(|one, other| one.0.total_cmp(&other.0));
    let count = |time: f64| collections.partition_point(|&at| at <= time) as u64;
    times.iter().map(|&time| capture(&sampled, time, count(time))).collect()
}

fn capture(sampled: &[Object], time: f64, full_collections: u64) -> Profile {
    let mut profile = profile(&[call("site")]);
    let alive =
        sampled.iter().zip(1..).filter(|((birth, death), _)| *birth <= time && *death > time);
    let samples = alive.map(|(_, ordinal)| sample(2, 256, ordinal)).collect();
    let start = DateTime::from_timestamp_millis(1_700_000_000_000).unwrap();
    let parts = profile.parts_mut();
    parts.samples = Arc::new(samples);
    parts.metadata.taken_at = Some(start + TimeDelta::milliseconds((time * 3.6e6) as i64));
    parts.metadata.full_collections = Some(full_collections);
    Profile::from_file(parts.clone())
}

#[test]
fn what_is_bounded_is_no_leak_whatever_the_moment_one_looks() {
    const RUNS: usize = 300;
    let (mut all, mut of) = (0, 0);
    for kind in 0..BOUNDED {
        let (mut alarms, mut looked) = (0, 0);
        for seed in 1..=RUNS as u64 {
            let mut random = Random((seed * 8 + kind as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let population = bounded(kind, &mut random);
            let look = random.look();
            let profiles = captures(&population, look, &mut random);
            // Until it has been full for a third of the time that it was seen to fill, nobody can know.
            let full = (population.full_at - START) * 4.0 / 3.0 + START;
            let first = (full.max(0.0) * (look.captures - 1) as f64).ceil() as usize + 2;
            if first >= look.captures {
                continue;
            }
            let until = first + random.pick(look.captures - first + 1);
            looked += 1;
            alarms += usize::from(judge(&profiles[..until]).verdict == Verdict::Leaking);
        }
        println!("kind {kind}: {alarms} of {looked}");
        (all, of) = (all + alarms, of + looked);
        assert!(looked > RUNS / 3);
    }
    println!("{all} of {of}");
    assert!(all * 100 <= of, "{all} of {of}");
}

#[test]
fn leaks_are_found_as_promised_and_the_power_grows_with_their_rate() {
    const RUNS: u64 = 300;
    let (mut promised, mut found) = (0, 0);
    for of in [1.0, 10.0, 100.0, 1000.0] {
        // Of a thousand times as many objects fewer runs.
        let runs = if of > 100.0 { RUNS / 10 } else { RUNS };
        for stay in [8.0, 16.0, 32.0, 64.0, 128.0] {
            let (mut here, mut here_promised) = (0, 0);
            for seed in 1..=runs {
                let mut random =
                    Random((seed * 7919 + (stay * of) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
                let population = unbounded(stay, of, &mut random);
                let look = random.look();
                let leaks = judge(&captures(&population, look, &mut random));
                let is_found = leaks.verdict == Verdict::Leaking;
                let is_promised =
                    leaks.detectable.is_some_and(|least| stay * f64::from(INTERVAL) >= least);
                here += u64::from(is_found);
                here_promised += u64::from(is_promised);
                promised += u64::from(is_promised);
                found += u64::from(is_promised && is_found);
            }
            println!("{stay} stay, 1 of {of}: {here} found, {here_promised} promised");
        }
    }
    println!("{found} of {promised}");
    assert!(promised > 1000 && found * 100 >= promised * 95, "{found} of {promised}");
}

/// If it goes on like this: under an even load.
#[test]
fn what_it_asks_for_is_enough() {
    let (mut asked, mut enough) = (0, 0);
    for seed in 1..=1500_u64 {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let stay = random.log_between(40.0, 600.0);
        let births = random.requests_of(0, 3.0 * stay);
        let population = some_stay(births, 3.0, &mut random);
        let look = Look { captures: 200, ..random.look() };
        let profiles = captures(&population, look, &mut random);
        let now = 5 + random.pick(20);
        let leaks = judge(&profiles[..now]);
        let Some(needs) = leaks.sites.first().and_then(|site| site.needs) else { continue };
        let then = now + needs.snapshots as usize;
        if leaks.verdict != Verdict::Growing || then > profiles.len() {
            continue;
        }
        asked += 1;
        enough += u32::from(judge(&profiles[..then]).verdict == Verdict::Leaking);
    }
    println!("{enough} of {asked}");
    assert!(asked > 90 && enough * 100 >= asked * 95, "{enough} of {asked}");
}
