//! What reading pprof makes of files, ours and others, whole and hostile.

use super::super::proto::{Function, Label, Location, Profile as Proto, ValueType};
use super::super::write;
use super::*;
use crate::profile::{Text, testing};
use flate2::read::MultiGzDecoder;
use prost::Message;
use std::sync::Arc;

fn read(bytes: &[u8]) -> Result<Profile> {
    super::read(bytes, Limits::of(bytes.len() as u64))
}

fn encode(profile: &Profile) -> Vec<u8> {
    let mut out = Vec::new();
    write(profile, &mut out).unwrap();
    out
}

fn expand_gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    MultiGzDecoder::new(bytes).read_to_end(&mut out).unwrap();
    out
}

fn proto_of(profile: &Profile) -> Proto {
    Proto::decode(expand_gzip(&encode(profile)).as_slice()).unwrap()
}

fn parse(bytes: &[u8]) -> Profile {
    crate::format::read(bytes).unwrap_or_else(|error| panic!("{error}"))
}

fn error_of(proto: &Proto) -> String {
    match read(proto.encode_to_vec().as_slice()) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("no error: {proto:?}"),
    }
}

/// `(root) -> a -> b`, `(root) -> c`, and a second `a` of another script with the same place.
fn full() -> Profile {
    let mut profile = testing::profile(&[
        (1, 0, "(root)"),
        (2, 0, "a"),
        (3, 1, "b"),
        (4, 0, ""),
        (5, 0, "a"),
        (6, 4, "d"),
    ]);
    Arc::make_mut(&mut profile.parts_mut().strings)
        .push(Text::from("file:///srv/my%20app/server.js"));
    let last = profile.strings.len() as u32 - 1;
    Arc::make_mut(&mut profile.parts_mut().nodes)[3].script_name = last;
    Arc::make_mut(&mut profile.parts_mut().nodes)[4].line_number = 2;
    profile.parts_mut().metadata.thread_id = Some(3);
    profile.parts_mut().metadata.labels.insert("service".into(), "api".into());
    for (node_id, size) in
        [(1, 64), (2, 16), (3, 600_000), (3, 600_000), (3, 24), (4, 1 << 30), (5, 16), (6, 8)]
    {
        Arc::make_mut(&mut profile.parts_mut().samples).push(testing::sample(node_id, size, 1));
    }
    profile
}

#[test]
fn what_we_wrote_is_read_and_written_the_same() {
    for (include, knows_liveness) in
        [(Include::Live, true), (Include::Allocated, true), (Include::Allocated, false)]
    {
        let mut profile = full();
        profile.parts_mut().metadata.include = Some(include);
        profile.parts_mut().knows_liveness = knows_liveness;
        Arc::make_mut(&mut profile.parts_mut().samples)[3].is_live =
            include == Include::Live || !knows_liveness;
        profile.parts_mut().stated =
            Arc::new(vec![Stated { node: 3, line: 0, bytes: 4096.0, objects: None }]);
        let bytes = encode(&profile);
        let again = parse(&bytes);
        assert_eq!(encode(&again), bytes);
        assert_eq!(again.knows_liveness, knows_liveness);
        for include in [Include::Live, Include::Allocated] {
            assert_eq!(
                again.estimate(include).map(|estimate| estimate.sample_count),
                profile.estimate(include).map(|estimate| estimate.sample_count),
            );
        }
        assert!(again.metadata.session_id.is_none());
        assert_eq!(again.metadata.labels, profile.metadata.labels);
        assert_eq!(again.metadata.taken_at, profile.metadata.taken_at);
    }
}

/// `full()` with lines: `a` calls `b` from two of its lines, and is minified, with a namesake on its line.
fn lined() -> Profile {
    let mut profile = full();
    let parts = profile.parts_mut();
    let nodes = Arc::make_mut(&mut parts.nodes);
    nodes[2].call_line = 4;
    nodes[5].call_line = 5;
    nodes[5].name = nodes[2].name;
    nodes[5].line_number = nodes[2].line_number;
    nodes[3].column_number = 90;
    let samples = Arc::make_mut(&mut parts.samples);
    for (sample, line) in samples.iter_mut().zip([0, 9, 3, 7, 3, 0, 2, 3]) {
        sample.line = line;
    }
    profile
}

/// Stacks as pprof shows them, each with the size of its objects.
fn shown(profile: &Profile) -> Vec<(String, i64)> {
    let proto = proto_of(profile);
    let text = |index: i64| proto.string_table[index as usize].as_str();
    let line = |id: &u64| {
        let line = proto.location[*id as usize - 1].line[0];
        let function = proto.function[line.function_id as usize - 1];
        let (name, start) = (text(function.name), function.start_line);
        format!("{name}:{start} at {}:{}", line.line, line.column)
    };
    let stack = |sample: &ProtoSample| {
        let lines: Vec<String> = sample.location_id.iter().map(line).collect();
        (lines.join(" < "), sample.label[0].num)
    };
    proto.sample.iter().map(stack).collect()
}

#[test]
fn lines_of_calls_and_allocations_are_those_of_locations() {
    let expected = [
        ("(root):0 at 0:0", 64),
        ("a:2 at 2:0", 16),
        ("b:3 at 3:0 < a:2 at 4:0", 24),
        ("b:3 at 3:0 < a:2 at 4:0", 600_000),
        ("b:3 at 7:0 < a:2 at 4:0", 600_000),
        ("b:3 at 3:0 < a:2 at 5:0", 8),
        ("a:2 at 9:0", 16),
        // What is not known is where the function starts.
        ("(anonymous):4 at 4:90", 1 << 30),
    ];
    let expected: Vec<_> = expected.map(|(stack, size)| (stack.to_owned(), size)).into();
    assert_eq!(shown(&lined()), expected);
}

#[test]
fn lines_are_read_back_and_functions_stay_what_they_are() {
    let bytes = encode(&lined());
    let again = parse(&bytes);
    assert_eq!(encode(&again), bytes);
    let text = |index: u32| again.strings[index as usize].to_utf8();
    let nodes: Vec<_> = again
        .nodes
        .iter()
        .map(|node| {
            let place = (node.line_number, node.column_number, node.call_line);
            (text(node.name), place)
        })
        .collect();
    let expected = [
        ("(root)", (0, 0, 0)),
        ("a", (2, 1, 0)),
        ("b", (3, 1, 4)),
        ("b", (3, 1, 5)),
        ("", (4, 90, 0)),
    ];
    assert_eq!(nodes, expected.map(|(name, place)| (name.into(), place)));
    let lines: Vec<_> =
        again.samples_by_age().map(|sample| (sample.node_id, sample.size, sample.line)).collect();
    let expected = [
        (1, 64, 0),
        (2, 16, 2),
        (3, 24, 3),
        (3, 600_000, 3),
        (3, 600_000, 7),
        (4, 8, 3),
        (2, 16, 9),
        (5, 1 << 30, 0),
    ];
    assert_eq!(lines, expected);
}

/// A xorshift generator.
struct Dice(u64);

impl Dice {
    fn below(&mut self, count: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % count
    }
}

#[test]
fn profiles_with_lines_of_any_shape_are_read_and_written_the_same() {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for _ in 0..500 {
        let mut nodes = vec![(1, 0, "(root)")];
        let mut way = vec![0];
        for id in 2..2 + dice.below(20) as u32 {
            // Under any of the nodes that lead to the one before.
            way.truncate(1 + dice.below(way.len() as u64) as usize);
            nodes.push((id, way[way.len() - 1], ["a", "b", "", "(root)"][dice.below(4) as usize]));
            way.push(id - 1);
        }
        let mut profile = testing::profile(&nodes);
        let parts = profile.parts_mut();
        for node in Arc::make_mut(&mut parts.nodes).iter_mut().skip(1) {
            node.line_number = dice.below(3) as i32;
            node.call_line = dice.below(4) as i32;
        }
        let samples = (0..dice.below(30)).map(|ordinal| Sample {
            ordinal,
            line: dice.below(4) as i32,
            ..testing::sample(1 + dice.below(nodes.len() as u64) as u32, 16, 1)
        });
        parts.samples = Arc::new(samples.collect());
        let bytes = encode(&profile);
        let again = parse(&bytes);
        assert_eq!(shown(&again), shown(&profile), "{nodes:?}");
        assert_eq!(encode(&again), bytes);
        assert_eq!(again.samples.len(), profile.samples.len());
    }
}

#[test]
fn files_of_others_have_lines_where_their_functions_say_where_they_start() {
    let mut proto = datadog();
    proto.function[1].start_line = 40;
    proto.location[1].line[0].line = 47;
    proto.location[1].line[0].column = 0;
    let profile = read(&proto.encode_to_vec()).unwrap();
    let name = |node: &Node| profile.strings[node.name as usize].to_utf8().into_owned();
    let node = profile.nodes.iter().find(|node| name(node) == "a").unwrap();
    assert_eq!((node.line_number, node.column_number), (40, 0));
    let sample = profile.samples.iter().find(|sample| sample.node_id == node.id).unwrap();
    assert_eq!(sample.line, 47);
}

#[test]
fn has_what_pprof_shows() {
    let proto = proto_of(&full());
    let text = |index: i64| proto.string_table[index as usize].as_str();
    let types: Vec<_> =
        proto.sample_type.iter().map(|kind| (text(kind.r#type), text(kind.unit))).collect();
    assert_eq!(types, [("inuse_objects", "count"), ("inuse_space", "bytes")]);
    assert_eq!(text(proto.default_sample_type), "inuse_space");
    let period_type = proto.period_type.unwrap();
    assert_eq!((text(period_type.r#type), text(period_type.unit)), ("space", "bytes"));
    assert_eq!(proto.period, 524_288);
    assert_eq!(proto.time_nanos, 1_700_000_000_000_000_000);
    let stacks: Vec<_> = proto
        .sample
        .iter()
        .map(|sample| {
            let frames: Vec<_> = sample
                .location_id
                .iter()
                .map(|&id| {
                    let line = proto.location[id as usize - 1].line[0];
                    let function = proto.function[line.function_id as usize - 1];
                    assert_eq!(function.start_line, line.line);
                    text(function.name)
                })
                .collect();
            let labels: Vec<_> =
                sample.label.iter().map(|label| (text(label.key), label.num)).collect();
            assert_eq!(labels[1..], [("thread id", 0), ("service", 0)]);
            (frames.join("<"), labels[0], sample.value[0])
        })
        .collect();
    // The two a are one, the two samples of one size too: 2 / p, rounded.
    let expected = [
        ("(root)", 64, 8193),
        ("a", 16, 65_537),
        ("b<a", 24, 21_846),
        ("b<a", 600_000, 3),
        ("d<a", 8, 65_537),
        ("(anonymous)", 1 << 30, 1),
    ];
    let expected: Vec<_> =
        expected.map(|(stack, size, objects)| (stack.to_owned(), ("bytes", size), objects)).into();
    assert_eq!(stacks, expected);
    assert!(proto.string_table.iter().any(|text| text == "/srv/my app/server.js"));
}

/// As @datadog/pprof writes it: no labels, V8's counts, memory outside the heap as a function.
fn datadog() -> Proto {
    let mut proto = proto_of(&full());
    proto.string_table.pop();
    for sample in &mut proto.sample {
        sample.value[1] = sample.value[0] * sample.label[0].num;
        sample.label.clear();
    }
    let id = proto.location.len() as u64 + 1;
    let name = proto.string_table.len() as i64;
    proto.string_table.push(EXTERNAL.to_owned());
    proto.function.push(Function { id, name, ..Function::default() });
    let line = Line { function_id: id, ..Line::default() };
    proto.location.push(Location { id, line: vec![line], ..Location::default() });
    proto.sample.push(ProtoSample { location_id: vec![id], value: vec![1, 1234], label: vec![] });
    proto
}

#[test]
fn samples_that_v8_scaled_are_recovered() {
    let profile = parse(&datadog().encode_to_vec());
    assert_eq!(profile.interval(), Some(524_288));
    let estimate = profile.estimate(Include::Live).unwrap();
    let truth = full().estimate(Include::Live).unwrap();
    assert_eq!(estimate.sample_count, truth.sample_count);
    assert!((estimate.bytes.estimate - truth.bytes.estimate).abs() < 1.0);
    let live_bytes = profile.totals().live_bytes.unwrap();
    assert!((live_bytes - estimate.bytes.estimate - 1234.0).abs() < 1.0);
    assert_eq!(encode(&parse(&encode(&profile))), encode(&profile));
}

#[test]
fn what_our_files_name_like_others_is_read_as_ours() {
    let mut profile =
        testing::profile(&[(1, 0, "(root)"), (2, 0, "(root)"), (3, 1, EXTERNAL), (4, 2, "(root)")]);
    Arc::make_mut(&mut profile.parts_mut().nodes).iter_mut().for_each(|node| node.line_number = 0);
    profile.parts_mut().samples =
        Arc::new((1..=4).map(|node_id| testing::sample(node_id, 16, 1)).collect());
    let bytes = encode(&profile);
    let again = parse(&bytes);
    assert_eq!(again.samples.len(), 4);
    assert_eq!(encode(&again), bytes);
}

#[test]
fn more_objects_than_v8_can_count_are_samples_still() {
    let mut profile = testing::profile(&[(1, 0, "(root)")]);
    profile.parts_mut().metadata.sample_interval_bytes = Some(i32::MAX as u32);
    profile.parts_mut().samples = Arc::new((1..=3).map(|_| testing::sample(1, 1, 1)).collect());
    let bytes = encode(&profile);
    let again = parse(&bytes);
    assert_eq!(again.samples.len(), 3);
    assert_eq!(encode(&again), bytes);
}

#[test]
fn the_types_say_whether_collected_objects_are_included() {
    let mut profile = full();
    profile.parts_mut().metadata.include = Some(Include::Allocated);
    Arc::make_mut(&mut profile.parts_mut().samples)[3].is_live = false;
    let mut proto = proto_of(&profile);
    // Go's heap profiles have the same types and no metadata of ours.
    proto.string_table.pop();
    let again = parse(&proto.encode_to_vec());
    assert!(again.knows_liveness && again.metadata.includes_collected());
    let counts = [Include::Live, Include::Allocated]
        .map(|include| again.estimate(include).map(|estimate| estimate.sample_count));
    assert_eq!(counts, [Some(7), Some(8)]);
    assert_eq!(encode(&parse(&encode(&again))), encode(&again));
    // Scaled by another rule, bytes are all that is known.
    proto.sample[1].value = vec![2, 32, 2, 32];
    let given = parse(&proto.encode_to_vec());
    assert_eq!((given.knows_liveness, given.totals().live_bytes), (false, None));
    assert_eq!(encode(&parse(&encode(&given))), encode(&given));
}

#[test]
fn times_finer_than_ours_are_cut() {
    let mut proto = datadog();
    proto.time_nanos += 123_456;
    let bytes = encode(&parse(&proto.encode_to_vec()));
    assert_eq!(encode(&parse(&bytes)), bytes);
}

#[test]
fn samples_that_were_scaled_otherwise_keep_their_numbers() {
    let mut proto = datadog();
    proto.sample[1].value = vec![2, 32];
    let profile = parse(&proto.encode_to_vec());
    assert_eq!((profile.interval(), profile.samples.len()), (None, 0));
    let stated: i64 = proto.sample.iter().map(|sample| sample.value[1]).sum();
    assert_eq!(profile.totals().live_bytes, Some(stated as f64));
    assert_eq!(encode(&parse(&encode(&profile))), encode(&profile));
}

#[test]
fn hostile_files_are_errors_that_say_where() {
    type Change = fn(&mut Proto);
    let cases: [(Change, &str); 10] = [
        (|proto| proto.sample_type.clear(), "sample_type: no inuse_space"),
        (|proto| proto.sample_type.push(ValueType::default()), "sample[0].value: 2 for 3 types"),
        (|proto| proto.sample[3].value[0] = -7, "sample[3].value: negative: -7"),
        (|proto| proto.sample[0].location_id.push(99), "sample[0].location_id: no location has"),
        (|proto| proto.location.clear(), "sample[0].location_id: no location has the id 1"),
        (|proto| proto.function.clear(), "location with id 1: line.function_id: no function has"),
        (|proto| proto.function[1].name = 1 << 40, "location with id 2: function.name: no string"),
        (|proto| proto.function[1].filename = -1, "function.filename: no string -1"),
        (|proto| proto.string_table.push(format!("{METADATA}{{")), "the metadata: EOF"),
        (
            |proto| {
                let count = estimate::v8_count(1 << 20, 524_288, 1 << 30);
                proto.sample[1].value = vec![i64::from(count), i64::from(count) << 20];
                proto.sample[1].label = vec![Label { num: 1 << 20, ..proto.sample[1].label[0] }];
            },
            "sampled objects are more than",
        ),
    ];
    for (change, message) in cases {
        let mut proto = proto_of(&full());
        change(&mut proto);
        let error = error_of(&proto);
        assert!(error.contains(message), "{error} is not {message}");
    }
    let garbage = crate::format::read(b"\0garbage".as_slice()).unwrap_err().to_string();
    assert!(garbage.starts_with("neither JSON nor pprof"), "{garbage}");
    let empty = crate::format::read(b"".as_slice()).unwrap_err().to_string();
    assert_eq!(empty, "at byte 0: nothing: the file is empty");
}

#[test]
fn stacks_that_add_up_to_too_much_are_not_written() {
    let chain: Vec<_> = (0..40_000).map(|i: u32| (i + 1, i.saturating_sub(1), "f")).collect();
    let mut profile = testing::profile(&chain);
    profile.parts_mut().samples =
        Arc::new((1..=40_000).map(|node_id| testing::sample(node_id, 16, 1)).collect());
    let error = write(&profile, &mut std::io::sink()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::FileTooLarge);
}

/// A profile of locations of one line, each with a stack of its own. Their ids are multiples of `factor`.
fn stacks(count: u64, factor: u64) -> Proto {
    let ids = (1..=count).map(|id| id.wrapping_mul(factor));
    inlined(ids.clone().map(|id| (id, 1)), ids.map(|id| vec![id]))
}

/// A profile of locations, by id and number of lines, and of stacks.
fn inlined(
    locations: impl IntoIterator<Item = (u64, usize)>,
    stacks: impl IntoIterator<Item = Vec<u64>>,
) -> Proto {
    let mut proto = proto_of(&full());
    let line = proto.location[1].line[0];
    let locations = locations.into_iter();
    proto.location = locations
        .map(|(id, lines)| Location { id, line: vec![line; lines], ..Location::default() })
        .collect();
    let stacks = stacks.into_iter();
    let sample = |location_id| ProtoSample { location_id, value: vec![1, 16], label: vec![] };
    proto.sample = stacks.map(sample).collect();
    proto
}

#[test]
fn many_inlined_functions_are_an_error_before_they_take_memory_or_time() {
    let error = error_of(&inlined([(1, 20_000)], vec![vec![1; 50]; 1]));
    assert!(error.contains("it takes more than"), "{error}");
    let error = error_of(&inlined([(1, 530_000)], [vec![1, 1]]));
    assert!(error.contains("sample[0].location_id: more than 1048576 frames"), "{error}");
    let error = error_of(&inlined([(1, 2_000)], vec![vec![1; 100]; 1_000]));
    assert!(error.contains("too many inlined functions"), "{error}");
}

/// What rustc-hash multiplies by, inverted modulo 2^64.
fn inverse(factor: u64) -> u64 {
    let mut inverse = factor;
    for _ in 0..6 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(factor.wrapping_mul(inverse)));
    }
    inverse
}

#[test]
fn ids_that_a_file_chooses_take_no_longer_than_others() {
    let unhashed = inverse(0xf135_7aea_2e62_a9c5).wrapping_pow(2);
    let took = |factor: u64| {
        let proto = stacks(200_000, factor);
        let bytes = proto.encode_to_vec();
        let start = std::time::Instant::now();
        assert_eq!(parse(&bytes).nodes.len(), 2);
        start.elapsed()
    };
    // Without a seed, all of the latter have one place in a hash table.
    let (usual, chosen) = (took(1), took(unhashed));
    assert!(chosen < usual * 20, "{usual:?}, {chosen:?}");
}

#[test]
fn every_truncation_is_an_error_and_no_panic() {
    let bytes = encode(&full());
    for end in 0..bytes.len() {
        let error = crate::format::read(&bytes[..end]);
        assert!(matches!(error, Err(ReadError::Invalid(_))), "{end}");
    }
}

#[test]
fn mutated_files_never_panic() {
    let bytes = expand_gzip(&encode(&full()));
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % bound as u64) as usize
    };
    for _ in 0..20_000 {
        let mut bytes = bytes.clone();
        for _ in 0..=random(4) {
            let at = random(bytes.len());
            bytes[at] = random(256) as u8;
        }
        if let Ok(profile) = read(bytes.as_slice()) {
            encode(&profile);
        }
    }
}
