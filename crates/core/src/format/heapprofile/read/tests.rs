//! What reading .heapprofile makes of files, ours and others, whole and hostile.

use super::*;
use crate::format::heapprofile::write;
use crate::profile::{Include, Text, testing};
use std::sync::Arc;

fn encode(profile: &Profile) -> String {
    let mut out = Vec::new();
    write(profile, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn read(bytes: &[u8]) -> Result<Profile> {
    super::read(bytes, Limits::of(bytes.len() as u64))
}

fn parse(text: &str) -> Profile {
    read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text:.300}"))
}

fn error_of(text: &str) -> String {
    match read(text.as_bytes()) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("no error: {text:.300}"),
    }
}

/// A profile that has everything.
fn full() -> Profile {
    let mut profile = testing::profile(&[
        (1, 0, "(root)"),
        (2, 0, "a \"quoted\" 💩"),
        (9, 1, ""),
        (4, 0, "lone"),
    ]);
    Arc::make_mut(&mut profile.parts_mut().strings)[3] = Text::from_utf16(&[0xd83d, 0x61]);
    Arc::make_mut(&mut profile.parts_mut().nodes)[2].line_number = 0;
    Arc::make_mut(&mut profile.parts_mut().nodes)[2].column_number = 0;
    profile.parts_mut().metadata.include = Some(Include::Allocated);
    profile.parts_mut().metadata.labels.insert("service".into(), "api".into());
    let sizes = [16, 24, 600_000, 600_000, 1 << 30, 56];
    for (ordinal, size) in sizes.into_iter().enumerate() {
        let mut sample = testing::sample([2, 9, 4][ordinal % 3], size, 1);
        sample.ordinal = 100 - ordinal as u64;
        sample.is_live = ordinal % 2 == 0;
        Arc::make_mut(&mut profile.parts_mut().samples).push(sample);
    }
    Arc::make_mut(&mut profile.parts_mut().samples).push(testing::sample(77, 16, 1));
    profile
}

#[test]
fn what_we_wrote_is_read_and_written_the_same() {
    let profile = full();
    let text = encode(&profile);
    let again = parse(&text);
    assert_eq!(encode(&again), text);
    assert_eq!(again.metadata.sample_interval_bytes, Some(524_288));
    assert_eq!(again.totals().live_bytes, profile.totals().live_bytes);
    let estimates = [Include::Live, Include::Allocated].map(|include| {
        assert_eq!(profile.estimate(include), again.estimate(include));
        again.estimate(include).map(|estimate| estimate.sample_count)
    });
    assert_eq!(estimates, [Some(3), Some(6)]);
    assert_eq!(again.allocations_of(3).len(), 2);
}

#[test]
fn names_with_braces_are_told_apart_however_often_they_come() {
    let names = ["a", "a}", "a}", "a", "{", "{", "\"}", "\"}", "a},\"selfSize\":7", "a"];
    let nodes: Vec<_> = names.iter().zip(2..).map(|(&name, id)| (id, 0, name)).collect();
    let mut profile = testing::profile(&[&[(1, 0, "(root)")], nodes.as_slice()].concat());
    for node in Arc::make_mut(&mut profile.parts_mut().nodes) {
        node.line_number = 1;
    }
    let text = encode(&profile);
    let again = parse(&text);
    let read = again.nodes[1..].iter().map(|node| again.strings[node.name as usize].to_utf8());
    assert!(read.eq(names));
    assert_eq!(encode(&again), text);
}

#[test]
fn every_estimate_survives() {
    for interval in [1, 4096, 524_288, i32::MAX as u32] {
        let mut profile = testing::profile(&[(1, 0, "(root)")]);
        profile.parts_mut().metadata.sample_interval_bytes = Some(interval);
        profile.parts_mut().samples =
            Arc::new((1..20_000).map(|size| testing::sample(1, size * 7, 1)).collect());
        let text = encode(&profile);
        assert!(encode(&parse(&text)) == text, "{interval}");
    }
}

#[test]
fn what_another_tool_wrote_keeps_its_numbers() {
    let text = r#"{"samples":[{"size":1048576,"nodeId":2,"ordinal":3}],"head":{
        "children":[{"selfSize":1048576,"id":2,"children":[],"callFrame":{"functionName":"a",
        "scriptId":"12","url":"file:///a.js","lineNumber":0,"columnNumber":10}}],
        "id":1,"selfSize":0,"extra":{"a":[{}]},"callFrame":{"functionName":"(root)",
        "scriptId":"0","url":"","lineNumber":-1,"columnNumber":-1}},"startTime":1}"#;
    let profile = parse(text);
    assert_eq!(profile.totals().live_bytes, Some(1_048_576.0));
    assert_eq!(profile.estimate(Include::Live), None);
    assert_eq!((profile.nodes[1].line_number, profile.nodes[1].column_number), (1, 11));
    assert_eq!(profile.allocations_of(1)[0].size, 1_048_576);
    let written = encode(&profile);
    assert!(written.contains(r#""samples":[{"size":1048576,"nodeId":2,"ordinal":3}]}"#));
    assert_eq!(encode(&parse(&written)), written);
}

#[test]
fn a_node_may_hold_more_than_any_object() {
    let mut profile = testing::profile(&[(1, 0, "(root)")]);
    profile.parts_mut().samples =
        Arc::new((0..3).map(|_| testing::sample(1, 1 << 52, 1)).collect());
    let text = encode(&profile);
    assert_eq!(encode(&parse(&text)), text);
    // As much as pprof can say.
    let mut profile = testing::profile(&[(1, 0, "(root)")]);
    profile.parts_mut().stated =
        Arc::new(vec![Stated { node: 0, line: 0, bytes: i64::MAX as f64, objects: None }]);
    let text = encode(&profile);
    assert_eq!(encode(&parse(&text)), text);
}

#[test]
fn collected_ordinals_may_come_in_any_order() {
    let mut profile = full();
    Arc::make_mut(&mut profile.parts_mut().samples)
        .iter_mut()
        .for_each(|sample| sample.is_live = sample.size == 24);
    let text = encode(&profile);
    let start = text.find("\"collectedOrdinals\":[").unwrap() + 21;
    let end = start + text[start..].find(']').unwrap();
    let mut ordinals: Vec<&str> = text[start..end].split(',').collect();
    assert!(ordinals.len() > 2);
    ordinals.reverse();
    let reversed = format!("{}{}{}", &text[..start], ordinals.join(","), &text[end..]);
    assert_eq!(encode(&parse(&reversed)), text);
}

#[test]
fn collected_ordinals_count_only_where_there_can_be_any() {
    let text = encode(&full());
    for (change, by) in [
        (r#""include":"allocated""#, r#""include":"live""#),
        (r#""sampleIntervalBytes":524288,"#, ""),
    ] {
        let changed = text.replace(change, by);
        assert_ne!(changed, text);
        let profile = parse(&changed);
        assert!(profile.samples.iter().all(|sample| sample.is_live));
        assert_eq!(encode(&parse(&encode(&profile))), encode(&profile));
    }
}

#[test]
fn reads_the_flat_form_of_heap_profile_0_4() {
    let text = r#"{"head":{"functionName":"(root)","scriptId":0,"lineNumber":0,
        "columnNumber":0,"url":"","selfSize":0,"children":[{"functionName":"a","scriptId":7,
        "lineNumber":3,"columnNumber":9,"url":"/a.js","selfSize":2048,"children":[]}]}}"#;
    let profile = parse(text);
    let node = &profile.nodes[1];
    assert_eq!((node.id, node.script_id, node.line_number), (2, 7, 3));
    assert_eq!(profile.totals().self_sizes, [0.0, 2048.0]);
    assert!(encode(&profile).contains(r#""lineNumber":2,"columnNumber":8}"#));
}

#[test]
fn bytes_beside_the_samples_stay() {
    let mut profile = full();
    profile.parts_mut().stated =
        Arc::new(vec![Stated { node: 0, line: 0, bytes: 12_345.0, objects: None }]);
    let text = encode(&profile);
    assert!(text.contains(r#""selfSize":12345,"id":1"#));
    assert_eq!(encode(&parse(&text)), text);
}

#[test]
fn a_tree_of_any_depth_is_read_without_recursion() {
    let depth = 200_000;
    let chain: Vec<_> = (0..depth).map(|i: u32| (i + 1, i.saturating_sub(1), "f")).collect();
    let text = encode(&testing::profile(&chain));
    assert_eq!(parse(&text).nodes.len(), depth as usize);
    assert_eq!(encode(&parse(&text)), text);
}

#[test]
fn no_stack_is_deeper_than_can_be_written_again() {
    let of_depth = |depth: usize| {
        let open = r#"{"functionName":"","children":["#;
        format!("{{\"head\":{}{}}}", open.repeat(depth), "]}".repeat(depth))
    };
    assert_eq!(parse(&of_depth(MAX_DEPTH)).nodes.len(), MAX_DEPTH);
    assert!(error_of(&of_depth(MAX_DEPTH + 1)).contains("deeper than 1048576 levels"));
}

#[test]
fn every_truncation_is_an_error_and_no_panic() {
    let text = encode(&full());
    for end in 0..text.len() {
        assert!(read(&text.as_bytes()[..end]).is_err(), "{end}");
    }
}

#[test]
fn hostile_files_are_errors_that_say_where() {
    let node = |rest: &str| {
        format!(
            r#"{{"callFrame":{{"functionName":"f","scriptId":"1","url":"","lineNumber":0,"columnNumber":0}},{rest}}}"#
        )
    };
    let head = |rest: &str| format!(r#"{{"head":{}}}"#, node(rest));
    let metadata = |text: &str| format!(r#"{{"head":{},"heapProfile":{text}}}"#, node(r#""id":1"#));
    let child = node(r#""id":1"#);
    let cases = [
        (String::new(), "at byte 0: "),
        ("\u{0}\u{1}".into(), "at byte 0: expected '{', found '\\0'"),
        ("[]".into(), "at byte 0: "),
        ("{}".into(), "$: no \"head\""),
        (r#"{"head":{}}"#.into(), "at byte 8: a node without"),
        (r#"{"head":[]}"#.into(), "at byte 8: expected '{'"),
        (r#"{"head":{"callFrame":{}}}"#.into(), "missing field"),
        (head(r#""selfSize":-1"#), "a negative size"),
        (head(r#""selfSize":1e999"#), "out of range"),
        (head(r#""selfSize":1e26"#), "a size above 38685626227668"),
        (
            metadata(r#"{},"samples":[{"size":1e17,"nodeId":1,"ordinal":1}]"#),
            "a size above 9007199254740992: 1",
        ),
        (r#"{"head":{"callFrame":["f","","1",1,1]}}"#.into(), "at byte 21: expected '{'"),
        (metadata(r#"{},"samples":[[100,1,1]]"#), "expected '{', found '['"),
        (
            head(&format!(r#""id":2,"id":3,"children":[{}]"#, node(r#""selfSize":0"#))),
            "some nodes have an \"id\"",
        ),
        (head(r#""selfSize":"1""#), "at byte 111: invalid type"),
        (head(r#""id":-1"#), "invalid value"),
        (head(r#""id":4294967296"#), "invalid value"),
        (head(r#""id":1,"children":{}"#), "expected '['"),
        (head(&format!(r#""id":1,"children":[{child}]"#)), "two nodes have the id 1"),
        (head(&format!(r#""id":2,"children":[{child},{}]"#, node(r#""id":null"#))), "null"),
        (head(&format!(r#""children":[{child}]"#)), "some nodes have an \"id\""),
        (format!("{} x", head(r#""id":1"#)), "found 'x'"),
        (metadata("7"), "invalid type"),
        (metadata("[]"), "expected '{', found '['"),
        (metadata(r#"{"sampleIntervalBytes":0}"#), "sampleIntervalBytes: 0 is not from 1"),
        (metadata(r#"{"sampleIntervalBytes":2147483648}"#), "is not from 1"),
        (metadata(r#"{"takenAt":"yesterday"}"#), "invalid"),
        (
            metadata(
                r#"{"sampleIntervalBytes":4096},"samples":[{"size":5,"nodeId":1,"ordinal":1}]"#,
            ),
            "$.samples[0].size: 5 is no estimate",
        ),
        (metadata(r#"{},"samples":[{"size":-5,"nodeId":1,"ordinal":1}]"#), "a negative size"),
        (metadata(r#"{},"samples":[{"size":5,"nodeId":1,"ordinal":-1}]"#), "invalid value"),
    ];
    for (text, message) in cases {
        let error = error_of(&text);
        assert!(error.contains(message), "{error} is not {message}: {text}");
    }
}

#[test]
fn mutated_files_never_panic() {
    let text = encode(&full());
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % bound as u64) as usize
    };
    let pool = br#"{}[]",:\-0129eu.tfn "#;
    for _ in 0..20_000 {
        let mut bytes = text.clone().into_bytes();
        for _ in 0..=random(4) {
            let at = random(bytes.len());
            bytes[at] = pool[random(pool.len())];
        }
        if let Ok(profile) = read(bytes.as_slice()) {
            encode(&profile);
        }
    }
}
