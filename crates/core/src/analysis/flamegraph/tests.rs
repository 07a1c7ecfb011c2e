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
    let one = graph.bytes.estimate / 5.0;
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
        paths(&graph, &graph.calls),
        [
            path("(0)", 5),
            path("(0) main", 5),
            path("(0) main load", 3),
            path("(0) main load main", 1),
        ]
    );
    assert_eq!(
        paths(&graph, &graph.callers),
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
    assert!(graph.growth.is_none() && graph.calls.iter().all(|node| node.growth.is_none()));
}

#[test]
fn a_function_that_calls_itself_counts_once() {
    let graph = flamegraph(&profile(&CALLS), None);
    let rows: Vec<_> = graph
        .functions
        .iter()
        .map(|row| {
            let name = graph.frames[row.frame as usize].frame.function_name.as_str();
            let one = graph.bytes.estimate / 5.0;
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
    let one = graph.bytes.estimate / 5.0;
    let growth = |node: &FlameNode| (node.growth.unwrap().estimate / one).round();
    assert_eq!(growth(&graph.calls[0]), 2.0);
    // What the profile does not hold has no width.
    assert_eq!(paths(&graph, &graph.calls)[1..].len(), 3);
    assert_eq!(growth(&graph.calls[1]), 3.0);
}

#[test]
fn numbers_of_other_tools_have_no_interval() {
    let mut profile = profile(&CALLS);
    profile.parts_mut().metadata.sample_interval_bytes = None;
    profile.parts_mut().stated =
        Arc::new(vec![crate::profile::Stated { node: 2, bytes: 512.0, objects: None }]);
    let graph = flamegraph(&profile, None);
    assert!(graph.calls.iter().chain(&graph.callers).all(|node| node.bytes.low.is_none()));
    assert_eq!(graph.bytes, Interval::unknown(512.0));
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
    for nodes in [&graph.calls, &graph.callers] {
        assert_eq!(nodes.len(), MAX_NODES + 1);
        let folded = nodes.last().unwrap();
        assert_eq!((folded.frame, folded.folded), (None, 30_001 - MAX_NODES as u32));
        let sum: f64 = nodes[1..].iter().map(|node| node.bytes.estimate).sum();
        assert!((sum / graph.bytes.estimate - 1.0).abs() < 1e-9);
        let smallest = nodes[MAX_NODES - 1].bytes.estimate;
        assert!(nodes[1..MAX_NODES].iter().all(|node| node.bytes.estimate >= smallest));
    }
    assert_eq!(graph.functions.len() + graph.omitted_functions, 30_000);
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
    assert_eq!(graph.calls.len(), MAX_DEPTH as usize + 1);
    assert_eq!(graph.callers.len(), 2 * MAX_DEPTH as usize + 1);
    assert_eq!(graph.calls.last().unwrap().folded, 1);
}
