//! Small profiles as flame graphs, and large ones cut.

use super::branches::MAX_NODES;
use super::*;
use crate::analysis::testing::{Call, profile};

const fn call(caller: u32, name: &'static str, samples: &'static [(u64, u64)]) -> Call {
    Call { caller, name, url: "/app/a.js", samples }
}

const CALLS: [Call; 5] = [
    call(0, "main", &[(64, 1)]),
    call(1, "load", &[(64, 2), (64, 3)]),
    call(2, "main", &[(64, 4)]),
    call(0, "main", &[(64, 5)]),
    call(0, "idle", &[]),
];

/// Each node as its names from the root, and its samples.
fn paths(graph: &FlameGraph, nodes: &[FlameNode]) -> Vec<(String, u32)> {
    let mut names: Vec<String> = Vec::new();
    for node in nodes {
        let name = match node.frame {
            Some(frame) => graph.frames[frame as usize].frame.function_name.clone(),
            None => format!("({})", node.folded),
        };
        let parent = names.get(node.parent as usize).map(|parent| format!("{parent} "));
        names.push(parent.unwrap_or_default() + &name);
    }
    let one = graph.view.bytes.estimate / 5.0;
    let samples = nodes.iter().map(|node| (node.bytes.estimate / one).round() as u32);
    let mut paths: Vec<_> = names.into_iter().zip(samples).collect();
    paths.sort();
    paths
}

fn path(names: &str, samples: u32) -> (String, u32) {
    (names.to_owned(), samples)
}

#[test]
fn merges_calls_by_function_both_ways() {
    let graph = flamegraph(&profile(&CALLS), None);
    assert_eq!(
        paths(&graph, &graph.view.calls),
        [
            path("(0)", 5),
            path("(0) main", 5),
            path("(0) main load", 3),
            path("(0) main load main", 1),
        ]
    );
    assert_eq!(
        paths(&graph, &graph.view.callers),
        [
            path("(0)", 5),
            path("(0) load", 2),
            path("(0) load main", 2),
            path("(0) main", 3),
            path("(0) main load", 1),
            path("(0) main load main", 1),
        ]
    );
    assert_eq!(graph.frames.len(), 2);
    assert!(
        graph.view.growth.is_none() && graph.view.calls.iter().all(|node| node.growth.is_none())
    );
}

#[test]
fn a_function_that_calls_itself_counts_once() {
    let graph = flamegraph(&profile(&CALLS), None);
    let rows: Vec<_> = graph
        .view
        .functions
        .iter()
        .map(|row| {
            let name = graph.frames[row.frame as usize].frame.function_name.as_str();
            let one = graph.view.bytes.estimate / 5.0;
            (name, (row.own.estimate / one).round(), (row.total.estimate / one).round())
        })
        .collect();
    assert_eq!(rows, [("main", 3.0, 5.0), ("load", 2.0, 3.0)]);
}

#[test]
fn intervals_are_those_of_top() {
    let profile = profile(&CALLS);
    let graph = flamegraph(&profile, None);
    let top = crate::analysis::top::top(&profile, &crate::analysis::Question::default());
    for site in top.sites {
        let row = graph
            .view
            .functions
            .iter()
            .find(|row| graph.frames[row.frame as usize].frame == site.frame)
            .unwrap();
        assert_eq!(row.own, site.bytes);
    }
}

#[test]
fn tells_growth_since_a_base() {
    let base = [call(0, "main", &[(64, 1), (64, 9)]), call(0, "gone", &[(64, 8)])];
    let graph = flamegraph(&profile(&CALLS), Some(&profile(&base)));
    let one = graph.view.bytes.estimate / 5.0;
    let growth = |node: &FlameNode| (node.growth.unwrap().estimate / one).round();
    assert_eq!(growth(&graph.view.calls[0]), 2.0);
    // What the profile does not hold has no width.
    assert_eq!(paths(&graph, &graph.view.calls)[1..].len(), 3);
    assert_eq!(growth(&graph.view.calls[1]), 3.0);
}

#[test]
fn numbers_of_other_tools_have_no_interval() {
    let mut profile = profile(&CALLS);
    profile.parts_mut().metadata.sample_interval_bytes = None;
    profile.parts_mut().stated =
        Arc::new(vec![crate::profile::Stated { node: 2, line: 0, bytes: 512.0, objects: None }]);
    let graph = flamegraph(&profile, None);
    assert!(
        graph.view.calls.iter().chain(&graph.view.callers).all(|node| node.bytes.low.is_none())
    );
    assert_eq!(graph.view.bytes, Interval::unknown(512.0));
}

fn wide(functions: u32) -> Profile {
    let names: Vec<String> = (0..functions).map(|index| format!("f{index}")).collect();
    let mut nodes = vec![(1, 0, "(root)")];
    nodes.extend(names.iter().zip(2..).map(|(name, id)| (id, 0, name.as_str())));
    let mut profile = crate::profile::testing::profile(&nodes);
    profile.parts_mut().samples = Arc::new(
        (0..functions)
            .map(|index| crate::profile::testing::sample(index + 2, 8 + u64::from(index), 1))
            .collect(),
    );
    profile
}

#[test]
fn small_nodes_are_folded_and_nothing_is_lost() {
    let graph = flamegraph(&wide(30_000), None);
    for nodes in [&graph.view.calls, &graph.view.callers] {
        assert_eq!(nodes.len(), MAX_NODES + 1);
        let folded = nodes.last().unwrap();
        assert_eq!((folded.frame, folded.folded), (None, 30_001 - MAX_NODES as u32));
        let sum: f64 = nodes[1..].iter().map(|node| node.bytes.estimate).sum();
        assert!((sum / graph.view.bytes.estimate - 1.0).abs() < 1e-9);
        let smallest = nodes[MAX_NODES - 1].bytes.estimate;
        assert!(nodes[1..MAX_NODES].iter().all(|node| node.bytes.estimate >= smallest));
    }
    assert_eq!(graph.view.functions.len() + graph.view.omitted_functions, 30_000);
}

#[test]
fn a_tree_of_any_depth_is_folded() {
    let depth = 200_000;
    let chain: Vec<_> = (0..depth).map(|i: u32| (i + 1, i.saturating_sub(1), "f")).collect();
    let mut profile = crate::profile::testing::profile(&chain);
    profile.parts_mut().samples = Arc::new(vec![
        crate::profile::testing::sample(depth, 64, 1),
        crate::profile::testing::sample(depth / 2, 64, 1),
    ]);
    let graph = flamegraph(&profile, None);
    // The way up from each of the two is one of its own.
    assert_eq!(graph.view.calls.len(), MAX_DEPTH as usize + 1);
    assert_eq!(graph.view.callers.len(), 2 * MAX_DEPTH as usize + 1);
    assert_eq!(graph.view.calls.last().unwrap().folded, 1);
}

/// What each function holds itself, in samples: with nothing hidden, and [`HIDDEN`] one after the other.
fn own(graph: &FlameGraph, view: &FlameView) -> Vec<(String, Vec<u32>)> {
    let one = graph.view.bytes.estimate / f64::from(graph.sample_count as u32);
    let rows = view.functions.iter().map(|row| {
        let hiding = row.own_hiding.unwrap_or([row.own; HIDDEN.len()]);
        let all = [row.own].into_iter().chain(hiding);
        let samples = all.map(|bytes| (bytes.estimate / one).round() as u32);
        (graph.frames[row.frame as usize].frame.function_name.clone(), samples.collect())
    });
    let mut rows: Vec<_> = rows.collect();
    rows.sort();
    rows
}

fn row(name: &str, samples: [u32; 4]) -> (String, Vec<u32>) {
    (name.to_owned(), samples.to_vec())
}

#[test]
fn what_hidden_functions_hold_counts_for_the_caller_that_is_shown() {
    let calls = [
        Call { caller: 0, name: "tick", url: "node:timers", samples: &[(64, 1)] },
        call(1, "main", &[(64, 2)]),
        Call { caller: 2, name: "get", url: "/app/node_modules/x/i.js", samples: &[(64, 3)] },
        Call { caller: 3, name: "push", url: "", samples: &[(64, 4)] },
        call(3, "back", &[(64, 5)]),
    ];
    let graph = flamegraph(&profile(&calls), None);
    assert_eq!(
        own(&graph, &graph.view),
        [
            row("back", [1, 1, 1, 1]),
            row("get", [1, 2, 0, 0]),
            row("main", [1, 1, 2, 3]),
            row("push", [1, 0, 1, 0]),
            row("tick", [1, 0, 1, 0]),
        ]
    );
    let [internals, packages, both] = &graph.view.callers_hiding;
    assert_eq!(
        paths(&graph, internals),
        [
            path("(0)", 5),
            path("(0) back", 1),
            path("(0) back get", 1),
            path("(0) back get main", 1),
            path("(0) get", 2),
            path("(0) get main", 2),
            path("(0) main", 1),
        ]
    );
    let of_packages = paths(&graph, packages);
    assert!(of_packages.contains(&path("(0) push main tick", 1)), "{of_packages:?}");
    assert_eq!(
        paths(&graph, both),
        [path("(0)", 5), path("(0) back", 1), path("(0) back main", 1), path("(0) main", 3)]
    );
    let owners = graph.frames.iter().map(|frame| frame.owner);
    assert_eq!(owners.filter(|&owner| owner == Owner::Internal).count(), 2);
}

#[test]
fn start_up_is_what_is_allocated_while_modules_are_loaded() {
    let calls = [
        Call {
            caller: 0,
            name: "Module._load",
            url: "node:internal/modules/cjs/loader",
            samples: &[],
        },
        call(1, "main", &[(64, 1), (64, 2)]),
        call(0, "main", &[(64, 3)]),
        Call { caller: 3, name: "", url: "/app/lazy.js", samples: &[(64, 4)] },
    ];
    let graph = flamegraph(&profile(&calls), None);
    assert_eq!(graph.view.calls.len(), 5);
    let later = graph.without_start_up.as_ref().unwrap();
    let one = graph.view.bytes.estimate / 4.0;
    for nodes in [&later.calls, &later.callers] {
        assert_eq!(nodes.len(), 2);
        assert!(nodes.iter().all(|node| (node.bytes.estimate - one).abs() < 1e-6));
    }
    assert_eq!(own(&graph, later), [row("main", [1, 1, 1, 1])]);
    assert!(flamegraph(&profile(&CALLS), None).without_start_up.is_none());
}

/// The same number of samples in each profile has other ordinals: all objects are new.
fn samples(first: u64, count: u64) -> &'static [(u64, u64)] {
    (first..first + count).map(|ordinal| (64, ordinal)).collect::<Vec<_>>().leak()
}

/// What is told to be inlined of `put` and the two that it calls, by what each holds before and after.
fn inlined_of(before: [u64; 3], after: [u64; 3]) -> Vec<(String, Vec<String>)> {
    let of = |first, [put, key, value]: [u64; 3]| {
        profile(&[
            call(0, "put", samples(first, put)),
            call(1, "key", samples(first + 1000, key)),
            call(1, "value", samples(first + 2000, value)),
        ])
    };
    let graph = flamegraph(&of(10_000, after), Some(&of(1, before)));
    let name = |frame: u32| graph.frames[frame as usize].frame.function_name.clone();
    let callees = |callees: &[u32]| callees.iter().map(|&callee| name(callee)).collect();
    graph.inlined.iter().map(|note| (name(note.caller), callees(&note.callees))).collect()
}

#[test]
fn a_function_that_shrinks_as_its_caller_grows_was_probably_inlined() {
    let note = |callees: &[&str]| {
        vec![("put".to_owned(), callees.iter().map(|&callee| callee.to_owned()).collect())]
    };
    assert_eq!(inlined_of([0, 100, 100], [90, 5, 95]), note(&["key"]));
    assert_eq!(inlined_of([0, 100, 100], [190, 5, 0]), note(&["key", "value"]));
    // The other one shrinks for a reason of its own.
    assert_eq!(inlined_of([0, 100, 300], [100, 0, 100]), note(&["key"]));
}

#[test]
fn what_shrinks_or_grows_alone_was_not_inlined() {
    for (before, after) in [
        // Only the callee shrinks.
        ([50, 100, 100], [50, 5, 100]),
        // Only the caller grows.
        ([0, 100, 100], [90, 100, 100]),
        // The caller grows by much more, or by much less.
        ([0, 100, 100], [400, 5, 100]),
        ([0, 100, 100], [40, 5, 100]),
        // What shrinks is not called by what grows.
        ([100, 100, 100], [5, 195, 100]),
        // It may be chance.
        ([0, 4, 0], [4, 0, 0]),
    ] {
        assert_eq!(inlined_of(before, after), [], "{before:?} {after:?}");
    }
}

#[test]
fn what_is_inlined_into_what_is_inlined_counts_for_the_function_that_is_left() {
    let of = |first, [round, entry, key]: [u64; 3]| {
        profile(&[
            call(0, "round", samples(first, round)),
            call(1, "put", &[]),
            call(2, "entry", samples(first + 1000, entry)),
            call(3, "key", samples(first + 2000, key)),
        ])
    };
    let graph = flamegraph(&of(10_000, [200, 0, 0]), Some(&of(1, [0, 120, 80])));
    let [note] = &graph.inlined[..] else { panic!("{:?}", graph.inlined) };
    assert_eq!(graph.frames[note.caller as usize].frame.function_name, "round");
    assert_eq!(note.callees.len(), 2);
    assert!(flamegraph(&of(10_000, [200, 0, 0]), None).inlined.is_empty());
}
