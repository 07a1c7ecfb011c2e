//! Verdicts on programs of which the truth is known, sampled as V8 does.

use std::sync::Arc;

use super::answer::{Cohort, Needs, Reason};
use super::testing::*;
use super::*;
use crate::analysis::Question;
use crate::analysis::interval::Interval;
use crate::analysis::testing::{Call, INTERVAL, profile};
use crate::analysis::top::top;
use crate::profile::metadata::MemoryUsage;
use crate::profile::{Metadata, Parts, Profile, Stated, estimate};

/// In how many of a hundred runs the program is said to leak.
fn leaking(program: Program) -> usize {
    (1..=100).filter(|&seed| judge(&run(&[program], seed, 256)).verdict == Verdict::Leaking).count()
}

#[test]
fn leaks_are_found() {
    for (name, program) in LEAKING {
        let found = leaking(program);
        println!("{name}: {found}");
        assert!(found >= 95, "{name}: {found} of 100");
    }
}

#[test]
fn sound_programs_raise_no_alarm() {
    for (name, program) in SOUND {
        let found = leaking(program);
        println!("{name}: {found}");
        assert!(found <= 2, "{name}: {found} of 100");
    }
}

/// A leak at so many bytes an hour, beside three hundred sites of garbage.
fn leak_of(bytes_per_hour: f64, seed: u64) -> Leaks {
    let size = 256;
    let mut random = Random(seed | 1);
    let p = size as f64 / estimate::sample_bytes(size, INTERVAL);
    let count = |rate: f64| (rate * (END + 1.0) / size as f64) as usize;
    let mut sampled = Vec::new();
    let mut add = |births: Vec<f64>, lifetime: f64, id: u32, random: &mut Random| {
        for birth in births {
            if random.next() < p {
                sampled.push((birth, birth + lifetime, id));
            }
        }
    };
    let births = random.births(count(bytes_per_hour), -1.0, END);
    add(births, FOREVER, 2, &mut random);
    for id in 3..303 {
        let births = random.births(count(20.0 * f64::from(INTERVAL)), -1.0, END);
        add(births, 0.3, id, &mut random);
    }
    sampled.sort_by(|one, other| one.0.total_cmp(&other.0));
    let profiles: Vec<_> = (0..CAPTURES).map(|at| capture(&sampled, at, 301, size)).collect();
    judge(&profiles)
}

#[test]
fn the_least_leak_that_is_said_to_be_detectable_is_found_among_many_sites() {
    let detectable = leak_of(0.0, 1).detectable.unwrap();
    let (mut found, mut false_alarms) = (0, 0);
    for seed in 1..=100 {
        let leaks = leak_of(detectable, seed * 7919);
        let leaking = leaks.sites.iter().take_while(|site| site.verdict == Verdict::Leaking);
        let lines: Vec<i32> = leaking.map(|site| site.frame.line_number).collect();
        found += usize::from(lines.contains(&1));
        false_alarms += lines.iter().filter(|&&line| line != 1).count();
    }
    println!("{found} of 100, {false_alarms} false");
    assert!(found >= 90 && false_alarms <= 2, "{found} of 100, {false_alarms} false");
}

#[test]
fn says_how_much_and_how_sure() {
    let rate = 60.0 * f64::from(INTERVAL);
    let leaks = leak_of(rate, 12_345);
    let site = &leaks.sites[0];
    assert_eq!((site.verdict, site.reason), (Verdict::Leaking, Reason::OldObjectsStay));
    let growth = site.growth_bytes_per_hour;
    assert!(growth.low.unwrap() < rate && rate < growth.high.unwrap(), "{growth:?}");
    assert!(site.retention.unwrap().estimate > 0.99);
    assert!(site.share.unwrap() > 0.8);
    assert_eq!(leaks.snapshots.len(), CAPTURES);
    assert_eq!(leaks.span_ms, Some(END * 3_600_000.0));
}

#[test]
fn what_a_site_holds_is_as_sure_as_top_says() {
    // Few objects and large ones, of which the samples themselves say what is there at least.
    let few: Program = |random| live_for(random.births(40, -1.0, END), FOREVER);
    for (program, size) in [(LEAKING[0].1, 256), (few, 3000)] {
        let profiles = run(&[program], 5, size);
        let site = &judge(&profiles).sites[0];
        let top = top(profiles.last().unwrap(), &Question::default());
        let told = top.sites.iter().find(|told| told.frame == site.frame).unwrap();
        assert_eq!(site.live_bytes, told.bytes);
    }
}

#[test]
fn two_captures_are_too_few_and_it_says_what_is_missing() {
    let profiles = run(&[LEAKING[0].1], 1, 256);
    let leaks = judge(&profiles[..2]);
    assert_eq!((leaks.verdict, leaks.detectable), (Verdict::Growing, None));
    let site = &leaks.sites[0];
    assert_eq!((site.reason, site.retention), (Reason::TooFewOldObjects, None));
    assert_eq!(site.needs.unwrap().snapshots, 3);
    assert_eq!(judge(&profiles[..5]).verdict, Verdict::Leaking);
    assert_eq!(judge(&profiles[..1]).verdict, Verdict::Steady);
    assert_eq!(judge(&[]).verdict, Verdict::Steady);
}

#[test]
fn what_came_at_a_few_moments_is_no_proof_and_with_as_many_captures_as_it_asks_for_it_is() {
    let mut random = Random(1);
    let births: Vec<f64> = (0..50)
        .flat_map(|moment| {
            let start = f64::from(moment) * 2.0 + 0.5;
            random.births(30, start, start + 0.01)
        })
        .collect();
    let sampled: Vec<_> = births.into_iter().map(|birth| (birth, FOREVER, 2)).collect();
    let profiles: Vec<_> = (0..100).map(|at| capture(&sampled, at, 1, 256)).collect();
    let leaks = judge(&profiles[..CAPTURES]);
    let site = &leaks.sites[0];
    assert_eq!((site.verdict, site.reason), (Verdict::Growing, Reason::TooFewMoments));
    let Needs { snapshots, sample_interval_bytes } = site.needs.unwrap();
    assert_eq!(sample_interval_bytes, None);
    assert_eq!(judge(&profiles[..CAPTURES + snapshots as usize]).verdict, Verdict::Leaking);
}

#[test]
fn captures_may_come_in_any_order_and_of_several_sessions() {
    let mut profiles = run(&[LEAKING[0].1], 1, 256);
    profiles.reverse();
    profiles[6].parts_mut().metadata.session_id = Some("another".into());
    let leaks = judge(&profiles);
    assert_eq!(leaks.verdict, Verdict::Leaking);
    let other = OtherSession { verdict: None, snapshots: vec!["6.heapprofile".into()] };
    assert_eq!(leaks.others, [other]);
    assert_eq!(leaks.snapshots[0], "5.heapprofile");
}

#[test]
fn the_session_that_leaks_is_told_of_even_if_another_is_longer() {
    let mut profiles = run(&[SOUND[4].1], 1, 256);
    for mut profile in run(&[LEAKING[0].1], 2, 256).into_iter().skip(1) {
        profile.parts_mut().metadata.session_id = Some("worker".into());
        profiles.push(profile);
    }
    let leaks = judge(&profiles);
    assert_eq!((leaks.verdict, leaks.snapshots.len()), (Verdict::Leaking, CAPTURES - 1));
    assert_eq!(leaks.others.len(), 1);
    assert_eq!(leaks.others[0].verdict, Some(Verdict::Steady));
    assert_eq!(leaks.others[0].snapshots.len(), CAPTURES);
}

#[test]
fn tells_what_became_of_each_cohort_and_of_live_bytes() {
    let objects: Program = |_| {
        // Ten of which three stay, and ten more that are gone two captures later.
        let born = |at: f64, lifetime: f64, count: usize| live_for(vec![at; count], lifetime);
        [born(0.5, FOREVER, 3), born(0.5, 1.0, 7), born(2.5, 2.0, 10)].concat()
    };
    // So large that each is sampled.
    let leaks = judge(&run(&[objects], 1, 1 << 30));
    let site = &leaks.sites[0];
    let size = f64::from(1 << 30);
    let held = site.history.iter().map(|moment| (moment.bytes / size).round());
    assert_eq!(held.collect::<Vec<_>>(), [0.0, 10.0, 3.0, 13.0, 13.0, 3.0, 3.0]);
    assert!(site.history.iter().all(|moment| moment.standard_error == Some(0.0)));
    let cohort = |snapshot, count: f64, survival: &[f64]| Cohort {
        snapshot,
        bytes: count * size,
        survival: survival.to_vec(),
    };
    let expected = [cohort(1, 10.0, &[0.3, 0.3, 0.3, 0.3, 0.3]), cohort(3, 10.0, &[1.0])];
    assert_eq!(site.cohorts, expected);
}

/// Captures of a site that has two more objects in each, which stay, and one that is in five.
fn captures_of(count: usize) -> Vec<Profile> {
    let born = |at: usize| {
        let at = at as f64 - 0.5;
        [(at, FOREVER, 2), (at + 0.01, FOREVER, 2), (at + 0.02, at + 5.0, 2)]
    };
    let sampled: Vec<_> = (0..count).flat_map(born).collect();
    (0..count).map(|at| capture(&sampled, at, 1, 256)).collect()
}

#[test]
fn of_many_captures_some_are_told_as_if_there_were_no_others() {
    let profiles = captures_of(200);
    let all = judge(&profiles);
    assert_eq!((all.verdict, all.snapshots.len()), (Verdict::Leaking, 200));
    assert_eq!((all.moments.len(), all.moments[0], all.moments[63]), (64, 0, 199));
    assert!(all.moments.windows(2).all(|pair| (3..=4).contains(&(pair[1] - pair[0]))));
    let told: Vec<Profile> = all.moments.iter().map(|&at| profiles[at].clone()).collect();
    let told = judge(&told);
    assert_eq!(told.moments, (0..64).collect::<Vec<_>>());
    assert_eq!(all.sites[0].history, told.sites[0].history);
    assert_eq!(all.sites[0].live_bytes, told.sites[0].live_bytes);
    let cohorts = told.sites[0].cohorts.iter();
    let cohorts = cohorts.map(|cohort| Cohort {
        snapshot: all.moments[cohort.snapshot],
        survival: cohort.survival.clone(),
        ..*cohort
    });
    assert_eq!(all.sites[0].cohorts, cohorts.collect::<Vec<_>>());
    assert_eq!(all.sites[0].cohorts.len(), 63);
}

#[test]
fn the_verdict_is_of_all_captures_in_any_order() {
    let mut profiles = captures_of(200);
    let growth = |leaks: &Leaks| (leaks.verdict, leaks.sites[0].growth_bytes_per_hour);
    let in_order = growth(&judge(&profiles));
    let mut random = Random(7);
    for at in (1..profiles.len()).rev() {
        profiles.swap(at, (random.next() * at as f64) as usize);
    }
    assert_eq!(growth(&judge(&profiles)), in_order);
}

#[test]
fn copies_of_a_capture_are_one() {
    let profile = || run(&[LEAKING[0].1], 1, 256).remove(0);
    assert_eq!(judge(&[profile(), profile()]).snapshots.len(), 1);
    let timeless = || {
        let mut profile = profile();
        profile.parts_mut().metadata.session_id = None;
        profile
    };
    let leaks = judge(&[timeless(), timeless()]);
    assert_eq!((leaks.verdict, leaks.snapshots.len()), (Verdict::Steady, 2));
    assert_eq!(leaks.growth_bytes_per_hour.estimate, 0.0);
}

#[test]
fn without_times_files_are_in_the_order_of_the_numbers_in_their_names() {
    let profiles: Vec<Profile> = (1..=12)
        .map(|megabytes| {
            let mut profile = profile(&[call("site")]);
            let bytes = f64::from(megabytes) * 1e6;
            let stated = Arc::new(vec![Stated { node: 1, line: 0, bytes, objects: None }]);
            let parts = profile.parts_mut().clone();
            Profile::from_file(Parts { metadata: Metadata::default(), stated, ..parts })
        })
        .collect();
    let leaks = judge(&profiles);
    assert_eq!(leaks.snapshots[2], "2.heapprofile");
    assert_eq!((leaks.verdict, leaks.sites[0].reason), (Verdict::Growing, Reason::NoSession));
    assert_eq!(judge(&profiles[..2]).sites[0].growth_bytes_per_hour, Interval::unknown(1e6));
}

#[test]
fn without_a_session_only_growth_is_told() {
    let profiles: Vec<Profile> = run(&[LEAKING[0].1], 1, 256)
        .into_iter()
        .map(|mut profile| {
            let sizes = profile.totals().self_sizes.clone();
            let stated = (0..).zip(sizes).map(|(node, bytes)| Stated {
                node,
                line: 0,
                bytes,
                objects: None,
            });
            Profile::from_file(Parts {
                metadata: Metadata::default(),
                samples: Arc::default(),
                stated: Arc::new(stated.collect()),
                ..profile.parts_mut().clone()
            })
        })
        .collect();
    let leaks = judge(&profiles);
    assert!(leaks.growth_only);
    assert_eq!((leaks.verdict, leaks.span_ms), (Verdict::Growing, None));
    assert_eq!(leaks.sites[0].reason, Reason::NoSession);
    assert_eq!(leaks.sites[0].live_bytes.low, None);
}

#[test]
fn without_a_full_collection_nothing_is_known() {
    for (_, program) in LEAKING.iter().chain(&SOUND) {
        let profiles = run_collected(*program, 1, &[-0.5, 7.0]);
        let leaks = judge(&profiles);
        assert_eq!((leaks.verdict, leaks.full_collections), (Verdict::Unknown, Some(0)));
        assert!(leaks.sites.iter().all(|site| site.reason == Reason::NoCollection));
        assert_eq!(judge(&untold(profiles)).full_collections, None);
    }
}

#[test]
fn garbage_that_no_collection_has_looked_at_is_no_leak() {
    let rarely = [-0.7, 0.3];
    let leaking = |profiles: Vec<Profile>| judge(&profiles).verdict == Verdict::Leaking;
    let mut would_be_wrong = 0;
    for (name, program) in SOUND {
        let runs = || (1..=100).map(|seed| run_collected(program, seed, &rarely));
        let alarms = runs().filter(|profiles| leaking(profiles.clone())).count();
        assert!(alarms <= 2, "{name}: {alarms} of 100");
        would_be_wrong += runs().filter(|profiles| leaking(untold(profiles.clone()))).count();
    }
    assert!(would_be_wrong > 20, "the collections made no difference: {would_be_wrong}");
}

#[test]
fn leaks_are_found_where_v8_collects_between_captures() {
    let often = [0.5, 1.5, 2.5, 3.5, 4.5, 5.5];
    for (name, program) in LEAKING {
        let runs = (1..=100).map(|seed| run_collected(program, seed, &often));
        let found = runs.filter(|run| judge(run).verdict == Verdict::Leaking).count();
        assert!(found >= 95, "{name}: {found} of 100");
    }
}

#[test]
fn a_cache_that_lets_its_oldest_objects_go_is_no_leak_however_long_one_looks() {
    const HOLDS: f64 = 8.0;
    for seed in 1..=20 {
        let mut random = Random(seed * 7919);
        let births = random.births(40 * 32, -1.0, 31.0);
        let sampled: Vec<_> = births.into_iter().map(|at| (at, at + HOLDS, 2)).collect();
        let profiles: Vec<_> = (0..32).map(|at| capture(&sampled, at, 1, 256)).collect();
        for captures in 11..=32 {
            let verdict = judge(&profiles[..captures]).verdict;
            assert_ne!(verdict, Verdict::Leaking, "seed {seed}, {captures} captures");
        }
    }
}

#[test]
fn what_was_captured_while_the_program_ended_is_left_out() {
    let mut profiles = run(&[LEAKING[0].1], 1, 256);
    let last = profiles.last_mut().unwrap();
    last.parts_mut().samples = Arc::default();
    assert_eq!(judge(&profiles).verdict, Verdict::Steady);
    profiles.last_mut().unwrap().parts_mut().metadata.at_exit = true;
    let leaks = judge(&profiles);
    assert_eq!((leaks.verdict, leaks.snapshots.len()), (Verdict::Leaking, CAPTURES));
    assert_eq!(leaks.moments, (0..CAPTURES - 1).collect::<Vec<_>>());
    // Of two there is nothing to leave out.
    assert_eq!(judge(&profiles[CAPTURES - 2..]).moments, [0, 1]);
}

/// The same with what V8's heap holds, by capture.
fn with_heap(mut profiles: Vec<Profile>, used: impl Fn(f64) -> f64) -> Vec<Profile> {
    for (profile, at) in profiles.iter_mut().zip(0..) {
        let memory = MemoryUsage { heap_used: used(f64::from(at)), ..MemoryUsage::default() };
        profile.parts_mut().metadata.memory_usage = Some(memory);
    }
    profiles
}

#[test]
fn what_replaces_older_objects_from_before_sampling_is_no_leak() {
    let grown = |profiles: &[Profile]| judge(profiles).sites[0].growth_bytes_per_hour.estimate;
    let profiles = run(&[LEAKING[0].1], 1, 256);
    let rate = grown(&profiles);
    for (part, verdict) in [(0.0, Verdict::Growing), (1.0, Verdict::Leaking)] {
        let noise = |at: f64| (at * 7.0).sin() * rate / 10.0;
        let used = with_heap(profiles.clone(), |at| 2e6 + part * rate * at + noise(at));
        assert_eq!(judge(&used).verdict, verdict, "{part}");
    }
    // What comes and goes is no proof.
    let noise = |at: f64| (at * 7.0).sin() * rate * 20.0;
    assert_eq!(judge(&with_heap(profiles, |at| 2e7 + noise(at))).verdict, Verdict::Leaking);
}

#[test]
fn what_replaces_older_objects_of_another_function_is_no_leak() {
    // A full cache, filled by another function than the one that fetches what is asked for later.
    let filled: Program = |random| {
        let births = random.births(4000, -1.0, -0.9);
        births.into_iter().map(|birth| (birth, 1.5 * END * random.next())).collect()
    };
    let fetched: Program = |random| live_for(random.births(2600, 0.0, END), FOREVER);
    let calls = [call("fill"), call("fetch")];
    for seed in 1..=20 {
        let both = judge(&run_in(&calls, &[(2, filled), (3, fetched)], seed, 256));
        assert_eq!((both.verdict, both.sites[0].reason), STANDS_STILL, "{seed}");
        let alone = judge(&run_in(&calls, &[(3, fetched)], seed, 256));
        assert_eq!(alone.verdict, Verdict::Leaking, "{seed}");
    }
}

const STANDS_STILL: (Verdict, Reason) = (Verdict::Growing, Reason::HeapStandsStill);

#[test]
fn a_few_objects_that_stay_are_no_leak_until_more_have_come() {
    // What V8 compiles late, or the last new keys of a cache, are so few.
    let detectable = leak_of(0.0, 1).detectable.unwrap();
    let mut small = 0;
    for seed in 1..=40 {
        let leaks = leak_of(detectable * 0.35, seed * 7919);
        let site = leaks.sites.iter().find(|site| site.frame.line_number == 1).unwrap();
        if site.growth_bytes_per_hour.high.unwrap() < leaks.detectable.unwrap() {
            small += usize::from(site.verdict == Verdict::Growing);
            assert_ne!(site.verdict, Verdict::Leaking, "{seed}");
        }
    }
    println!("{small} of 40");
    assert!(small >= 4, "{small} of 40");
}

/// A cache's objects, until that time and from then on.
fn halves(holds: f64, random: &mut Random) -> (Vec<Object>, Vec<Object>) {
    let objects = live_for(random.births(3000, -1.0, END), holds);
    objects.into_iter().partition(|&(birth, _)| birth < 2.5)
}

/// In which function what of a cache allocated until some time and from then on: `store` calls `make`, and V8
/// compiles it into it.
fn inlined(holds: f64, seed: u64) -> Vec<Profile> {
    let (mut before, after) = halves(holds, &mut Random(seed * 7919));
    let calls = [call("store"), Call { caller: 1, ..call("make") }];
    // Nodes 3 and 2: `make` and `store`.
    let place = |objects: Vec<Object>, id| objects.into_iter().map(move |(b, d)| (b, d, id));
    let mut objects: Vec<_> =
        place(std::mem::take(&mut before), 3).chain(place(after, 2)).collect();
    objects.sort_by(|one, other| one.0.total_cmp(&other.0));
    (0..CAPTURES).map(|at| capture_in(&calls, &objects, at, 256)).collect()
}

#[test]
fn what_v8_compiles_into_its_caller_is_judged_with_it() {
    for seed in 1..=50 {
        let leaks = judge(&inlined(FOREVER, seed));
        assert_eq!(leaks.verdict, Verdict::Leaking, "{seed}");
        let sound = judge(&inlined(2.0, seed));
        assert_ne!(sound.verdict, Verdict::Leaking, "{seed}: {:?}", sound.sites);
    }
}
