use std::sync::Arc;

use super::super::testing::{profile, sample};
use super::super::{ExactStacks, Profile, Sample};
use super::*;

fn function(name: &str, position: i32) -> Function {
    Function {
        name: name.into(),
        script_name: "/app/server.js".into(),
        script_id: 7,
        start_position: position,
        line_number: position,
        column_number: 1,
    }
}

/// `(root)`, `tick` and, called by it, `handle`; one sample of `handle`, whose ordinal is 7.
fn v8_profile() -> Profile {
    let mut profile = profile(&[(1, 0, "(root)"), (2, 0, "tick"), (3, 1, "handle")]);
    let parts = profile.parts_mut();
    let nodes = Arc::make_mut(&mut parts.nodes);
    nodes[0].script_id = 0;
    nodes[1].start_position = 10;
    nodes[2].start_position = 20;
    parts.samples = Arc::new(vec![Sample { ordinal: 7, ..sample(3, 64, 1) }]);
    parts.metadata.exact_stacks = Some(ExactStacks { enabled: true, ..ExactStacks::default() });
    profile
}

/// The stack of functions `(name, start, line of the call)`, the innermost first.
fn stack(stacks: &mut Stacks, frames: &[(&str, i32, i32)]) -> u32 {
    let frames: Vec<Frame> = frames
        .iter()
        .map(|&(name, position, call_line)| Frame {
            function: stacks.function(function(name, position)),
            call_line,
        })
        .collect();
    stacks.stack(&frames)
}

/// The ways to the samples: `name:line of the call` from the outermost on, then the line.
fn ways(profile: &Profile) -> Vec<String> {
    let samples = profile.samples.iter().map(|sample| {
        let mut index = profile.nodes.iter().position(|node| node.id == sample.node_id).unwrap();
        let mut way = vec![sample.line.to_string()];
        while index > 0 {
            let node = &profile.nodes[index];
            let name = profile.strings[node.name as usize].to_utf8();
            way.push(format!("{name}:{}", node.call_line));
            index = node.parent as usize;
        }
        way.reverse();
        way.join(" ")
    });
    samples.collect()
}

fn counts(profile: &Profile) -> (u64, u64) {
    let exact = profile.metadata.exact_stacks.as_ref().unwrap();
    (exact.exact_samples, exact.v8_samples)
}

#[test]
fn puts_inlined_functions_and_lines_into_the_tree() {
    let mut stacks = Stacks::new(64);
    let frames = [("remember", 30, 21), ("handle", 20, 11), ("tick", 10, 99)];
    let stack = stack(&mut stacks, &frames);
    stacks.remember(7, stack, 31);
    let merged = stacks.merged_into(&v8_profile());
    assert_eq!(ways(&merged), ["tick:0 handle:11 remember:21 31"]);
    assert_eq!(counts(&merged), (1, 0));
    assert_eq!(merged.totals().dropped_samples, 0);
    assert_eq!(merged.allocations_of(merged.nodes.len() - 1).len(), 1);
    // V8's nodes without samples are gone.
    assert_eq!(merged.nodes.len(), 4);
}

#[test]
fn keeps_the_stack_of_v8_where_the_exact_one_lacks_a_frame_of_it() {
    let others: [&[_]; 4] = [
        &[("remember", 30, 11), ("tick", 10, 0)],
        &[("tick", 10, 0), ("handle", 20, 0)],
        &[("handle", 21, 0), ("tick", 10, 0)],
        &[],
    ];
    for frames in others {
        let mut stacks = Stacks::new(64);
        let stack = stack(&mut stacks, frames);
        stacks.remember(7, stack, 31);
        let merged = stacks.merged_into(&v8_profile());
        assert_eq!(ways(&merged), ["tick:0 handle:0 0"]);
        assert_eq!(counts(&merged), (0, 1));
    }
}

#[test]
fn knows_a_function_by_name_and_column_where_its_start_is_unknown() {
    for (column_number, way) in [(1, "tick:0 handle:11 5"), (2, "tick:0 handle:0 0")] {
        let mut stacks = Stacks::new(64);
        let handle = Function { start_position: -1, column_number, ..function("handle", 0) };
        let handle = Frame { function: stacks.function(handle), call_line: 11 };
        let tick = Frame { function: stacks.function(function("tick", 10)), call_line: 0 };
        let stack = stacks.stack(&[handle, tick]);
        stacks.remember(7, stack, 5);
        assert_eq!(ways(&stacks.merged_into(&v8_profile())), [way]);
    }
}

#[test]
fn functions_of_v8_are_frames_that_are_not_compared() {
    let mut stacks = Stacks::new(64);
    let map = Function { script_id: 0, script_name: "".into(), ..function("map", -1) };
    let map = Frame { function: stacks.function(map), call_line: 22 };
    let handle = Frame { function: stacks.function(function("handle", 20)), call_line: 11 };
    let tick = Frame { function: stacks.function(function("tick", 10)), call_line: 0 };
    let stack = stacks.stack(&[map, handle, tick]);
    stacks.remember(7, stack, 0);
    assert_eq!(ways(&stacks.merged_into(&v8_profile())), ["tick:0 handle:11 map:22 0"]);
}

#[test]
fn a_stack_that_is_cut_at_the_depth_may_lack_callers_only() {
    let mut stacks = Stacks::new(2);
    // handle, which called tick for V8, is missing in the middle.
    let stack = stack(&mut stacks, &[("tick", 10, 5), ("main", 1, 0)]);
    stacks.remember(7, stack, 31);
    assert_eq!(ways(&stacks.merged_into(&v8_profile())), ["tick:0 handle:0 0"]);
}

#[test]
fn a_stack_that_is_cut_at_the_depth_need_not_reach_the_callers() {
    let mut stacks = Stacks::new(2);
    let stack = stack(&mut stacks, &[("remember", 30, 21), ("handle", 20, 11), ("tick", 10, 0)]);
    stacks.remember(7, stack, 31);
    assert_eq!(ways(&stacks.merged_into(&v8_profile())), ["handle:0 remember:21 31"]);
}

#[test]
fn forgets_the_dead_and_what_only_they_had() {
    let mut stacks = Stacks::new(64);
    let old = stack(&mut stacks, &[("a", 1, 0), ("tick", 10, 0)]);
    let kept = stack(&mut stacks, &[("b", 2, 0), ("tick", 10, 0)]);
    let new = stack(&mut stacks, &[("c", 3, 0)]);
    for (ordinal, stack) in [(1, old), (2, kept), (9, new)] {
        stacks.remember(ordinal, stack, 0);
    }
    let id = stacks.ids[kept as usize];
    // 9 came after that profile was taken.
    stacks.forget_dead([2].into_iter(), 5);
    assert_eq!(stacks.samples_count(), 2);
    assert_eq!(stacks.functions.len(), 3);
    let (kept, new) = (stacks.samples[&2].stack, stacks.samples[&9].stack);
    assert_eq!(stacks.ids[kept as usize], id);
    // A stack that comes again is a new node.
    let again = stack(&mut stacks, &[("a", 1, 0), ("tick", 10, 0)]);
    let mut ids = stacks.ids.clone();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), stacks.ids.len());
    assert!(again > kept.max(new));
}
