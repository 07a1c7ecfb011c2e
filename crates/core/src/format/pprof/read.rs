//! pprof to profiles: ours, @datadog/pprof's, and others that count bytes of a heap.

use std::io::Read;

use chrono::{DateTime, SubsecRound};

use super::proto::{Line, Sample as ProtoSample};
use super::tables::{SAMPLE, Tables, messages};
use super::{ANONYMOUS, MAX_BYTES, METADATA, ROOT, SIZE_LABEL, is_root};
use crate::format::error::{ReadError, Result};
use crate::format::limits::{Limits, MAX_DEPTH};
use crate::profile::tree::Tree;
use crate::profile::{Include, Metadata, Node, Parts, Profile, Sample, Stated, Strings, estimate};

/// What a sample takes until all is read, with what is worked out of it.
const WEIGHT_BYTES: usize = 160;

/// The same of a sampled object that it stands for.
const SAMPLE_BYTES: usize = 64;

/// The same of a node.
const NODE_BYTES: usize = 160;

/// Stacks may have as many frames in all, and a million: a location takes a byte or two in each, and
/// has a line or two, with the functions that were inlined.
const FRAMES_PER_BYTE: u64 = 4;

/// The function that @datadog/pprof says the memory outside V8's heap comes from.
const EXTERNAL: &str = "(external)";

/// Reads a profile that is not compressed.
pub fn read(source: impl Read, mut limits: Limits) -> Result<Profile> {
    let most = limits.buffer_bytes().min(MAX_BYTES as u64);
    let mut bytes = Vec::new();
    let length = source.take(most + 1).read_to_end(&mut bytes)?;
    if length as u64 > most {
        return Err(ReadError::at_byte(most, "longer than this pprof file may be"));
    }
    limits.take(length)?;
    let tables = Tables::read(&bytes, &mut limits)?;
    Reader::new(&bytes, &tables, limits)?.read()
}

/// Which of a sample's values are what.
struct Columns {
    count: usize,
    objects: Option<usize>,
    bytes: usize,
    /// Those of the live objects, where `objects` are all that were allocated.
    live_objects: Option<usize>,
    /// Whether the collected objects are among them.
    include: Include,
}

impl Columns {
    fn of(tables: &Tables<'_>) -> Result<Columns> {
        let types = &tables.header.sample_type;
        let find = |names: &[&str]| {
            let is_named =
                |index: i64| tables.text(index).is_some_and(|name| names.contains(&name));
            types.iter().position(|kind| is_named(kind.r#type))
        };
        let (count, in_use) = (types.len(), find(&["inuse_objects", "objects"]));
        if let Some(bytes) = find(&["alloc_space"]) {
            let objects = find(&["alloc_objects"]);
            let (live_objects, include) = (in_use, Include::Allocated);
            return Ok(Columns { count, objects, bytes, live_objects, include });
        }
        match find(&["inuse_space", "space"]) {
            Some(bytes) => {
                let (objects, include) = (in_use, Include::Live);
                Ok(Columns { count, objects, bytes, live_objects: None, include })
            }
            None => Err(ReadError::at_path("sample_type", "no inuse_space, space or alloc_space")),
        }
    }
}

/// What a sample stands for.
struct Weight {
    node: u32,
    bytes: i64,
    /// 0 if the file does not count objects.
    objects: i64,
    live_objects: i64,
    /// Bytes of each object, 0 if that does not follow.
    size: u64,
    /// Whether a label tells the size, as ours do where there are samples.
    is_labelled: bool,
}

impl Weight {
    /// How many samples V8 scaled to the objects and to the live ones; none if it did not.
    fn samples(&self, interval: u32) -> Option<(u32, u32)> {
        let samples = |objects: i64| {
            let objects = objects.unsigned_abs();
            if objects == 0 { Some(0) } else { estimate::v8_samples(self.size, interval, objects) }
        };
        let (all, live) = (samples(self.objects)?, samples(self.live_objects)?);
        (self.size > 0 && all >= live.max(1)).then_some((all, live))
    }

    fn stated(&self) -> Stated {
        let objects = (self.objects > 0).then_some(self.objects as f64);
        Stated { node: self.node, bytes: self.bytes as f64, objects }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    tables: &'a Tables<'a>,
    limits: Limits,
    columns: Columns,
    /// By line of [`Tables::lines`].
    tree: Tree<u32>,
    /// Frames that stacks may still have.
    frames_left: u64,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8], tables: &'a Tables<'a>, limits: Limits) -> Result<Reader<'a>> {
        Ok(Reader {
            bytes,
            tables,
            limits,
            columns: Columns::of(tables)?,
            tree: Tree::with_capacity(0),
            frames_left: (1 << 20) + FRAMES_PER_BYTE * bytes.len() as u64,
        })
    }

    fn read(mut self) -> Result<Profile> {
        let mut metadata = self.metadata()?;
        let mut weights = self.weights()?;
        let (order, ranks) = self.tree.pre_order();
        for weight in &mut weights {
            weight.node = ranks[weight.node as usize];
        }
        let mut strings = Strings::default();
        let nodes = self.nodes(&order, &ranks, &mut strings)?;
        let external = strings.intern(EXTERNAL);
        // Bytes that were measured and not sampled.
        let is_stated = |weight: &Weight| {
            let node = &nodes[weight.node as usize];
            let is_external = node.name == external && node.line_number == 0;
            weight.objects == 0 || (is_external && !weight.is_labelled)
        };
        let (stated, sampled): (Vec<Weight>, Vec<Weight>) =
            weights.into_iter().partition(is_stated);
        let mut stated: Vec<Stated> = stated.iter().map(Weight::stated).collect();
        let interval = metadata.sample_interval_bytes;
        let samples = match interval.and_then(|interval| counts(&sampled, interval)) {
            Some(counts) => {
                expand(&sampled, &counts, interval.unwrap_or_default(), &mut self.limits)?
            }
            None => {
                // Whoever wrote it scaled its samples otherwise: nothing can be estimated.
                metadata.sample_interval_bytes = None;
                stated.extend(sampled.iter().map(Weight::stated));
                Vec::new()
            }
        };
        // Without samples there is nothing to tell the live ones of.
        let knows_liveness = !metadata.includes_collected()
            || (self.columns.live_objects.is_some() && metadata.sample_interval_bytes.is_some());
        Ok(Profile::from_file(Parts {
            metadata,
            strings: strings.into_vec().into(),
            nodes: nodes.into(),
            samples: samples.into(),
            stated: stated.into(),
            knows_liveness,
            ..Parts::default()
        }))
    }

    /// Ours has a string for it; of others' the header tells a little.
    fn metadata(&self) -> Result<Metadata> {
        let mut metadata = Metadata::default();
        let last = self.tables.strings.last();
        if let Some(json) = last.and_then(|text| text.strip_prefix(METADATA)) {
            metadata = serde_json::from_str(json)
                .map_err(|error| ReadError::at_path("string_table: the metadata", error))?;
        } else if self.tables.header.time_nanos != 0 {
            // Whole milliseconds, as in files of ours.
            let time =
                DateTime::from_timestamp_nanos(self.tables.header.time_nanos).trunc_subsecs(3);
            metadata.taken_at = Some(time);
        }
        let interval = u32::try_from(self.tables.header.period).ok();
        if self.columns.include == Include::Allocated || metadata.includes_collected() {
            metadata.include = Some(self.columns.include);
        }
        metadata.sample_interval_bytes =
            interval.filter(|interval| (1..=i32::MAX as u32).contains(interval));
        Ok(metadata)
    }

    fn weights(&mut self) -> Result<Vec<Weight>> {
        let mut weights = Vec::new();
        for (index, sample) in messages(self.bytes, SAMPLE).enumerate() {
            self.limits.take(WEIGHT_BYTES)?;
            weights.push(self.weight(index, &sample?)?);
        }
        Ok(weights)
    }

    fn weight(&mut self, index: usize, sample: &ProtoSample) -> Result<Weight> {
        let path = |field: &str| format!("sample[{index}].{field}");
        if sample.value.len() != self.columns.count {
            let message = format!("{} for {} types", sample.value.len(), self.columns.count);
            return Err(ReadError::at_path(path("value"), message));
        }
        if let Some(negative) = sample.value.iter().find(|&&value| value < 0) {
            return Err(ReadError::at_path(path("value"), format!("negative: {negative}")));
        }
        let node = self.add_stack(sample, || path("location_id"))?;
        let bytes = sample.value[self.columns.bytes];
        let objects = self.columns.objects.map_or(0, |column| sample.value[column]);
        let live_objects = self.columns.live_objects.map_or(objects, |column| sample.value[column]);
        let is_size = |key| self.tables.text(key) == Some(SIZE_LABEL);
        let label = sample.label.iter().find(|label| is_size(label.key) && label.num > 0);
        let size = match label {
            Some(label) => label.num as u64,
            None if objects > 0 && bytes % objects == 0 => (bytes / objects) as u64,
            None => 0,
        };
        let is_labelled = label.is_some();
        Ok(Weight { node, bytes, objects, live_objects, size, is_labelled })
    }

    /// The node of a sample's stack.
    fn add_stack(&mut self, sample: &ProtoSample, path: impl Fn() -> String) -> Result<u32> {
        let (mut node, mut depth) = (0, 0);
        for &id in sample.location_id.iter().rev() {
            let Some(lines) = self.tables.lines_of(id) else {
                return Err(ReadError::at_path(path(), format!("no location has the id {id}")));
            };
            let Some(left) = self.frames_left.checked_sub(lines.len() as u64) else {
                return Err(ReadError::at_path(path(), "too many inlined functions"));
            };
            self.frames_left = left;
            depth += lines.len();
            if depth > MAX_DEPTH {
                return Err(ReadError::at_path(path(), format!("more than {MAX_DEPTH} frames")));
            }
            // The last line is the function that the others were inlined into.
            for line in lines.rev() {
                if !(node == 0 && self.is_root(line)) {
                    node = self.add_node(node, line)?;
                }
            }
        }
        Ok(node)
    }

    fn add_node(&mut self, parent: u32, line: u32) -> Result<u32> {
        let count = self.tree.parents.len();
        let node = self.tree.child(parent, line);
        if self.tree.parents.len() > count {
            self.limits.take(NODE_BYTES)?;
        }
        Ok(node)
    }

    /// Whether it is the function that V8 and we start all stacks with.
    fn is_root(&self, line: u32) -> bool {
        let (_, line) = &self.tables.lines[line as usize];
        let name = self.tables.function(line).and_then(|function| self.tables.text(function.name));
        name.is_some_and(|name| is_root(name, line.line))
    }

    fn nodes(&self, order: &[u32], ranks: &[u32], strings: &mut Strings) -> Result<Vec<Node>> {
        let mut nodes = Vec::with_capacity(order.len());
        for (id, &index) in (1..).zip(order) {
            let parent = ranks[self.tree.parents[index as usize] as usize];
            let (name, file, line, column) = match self.tree.keys[index as usize] {
                None => (ROOT, "", 0, 0),
                Some(line) => self.frame(self.tables.lines[line as usize])?,
            };
            nodes.push(Node {
                id,
                parent,
                name: strings.intern(if name == ANONYMOUS { "" } else { name }),
                script_name: strings.intern(file),
                script_id: 0,
                start_position: 0,
                line_number: line,
                column_number: column,
                allocations_end: 0,
            });
        }
        Ok(nodes)
    }

    /// Name, file, line and column of a location's line.
    fn frame(&self, (location, line): (u64, Line)) -> Result<(&'a str, &'a str, i32, i32)> {
        let path = |field: &str| format!("location with id {location}: {field}");
        let Some(function) = self.tables.function(&line) else {
            let message = format!("no function has the id {}", line.function_id);
            return Err(ReadError::at_path(path("line.function_id"), message));
        };
        let text = |index, field| {
            let missing = || ReadError::at_path(path(field), format!("no string {index}"));
            self.tables.text(index).ok_or_else(missing)
        };
        let name = text(function.name, "function.name")?;
        let file = text(function.filename, "function.filename")?;
        // @datadog/pprof may pack the column into the upper half of the line.
        let position = |value: i64| i32::try_from(value).unwrap_or(0).max(0);
        let number = position(line.line & i64::from(u32::MAX));
        Ok((name, file, number, position(line.column.max(line.line >> 32))))
    }
}

/// How many samples each weight is, and how many of live objects, if V8 scaled all of them.
fn counts(weights: &[Weight], interval: u32) -> Option<Vec<(u32, u32)>> {
    weights.iter().map(|weight| weight.samples(interval)).collect()
}

/// As many samples as V8 took. Their ordinals only put them in order.
fn expand(
    weights: &[Weight],
    counts: &[(u32, u32)],
    interval: u32,
    limits: &mut Limits,
) -> Result<Vec<Sample>> {
    let total: u64 = counts.iter().map(|&(all, _)| u64::from(all)).sum();
    let most = limits.room_for(SAMPLE_BYTES);
    if total > most {
        let message = format!("{total} sampled objects are more than {most}");
        return Err(ReadError::at_path("sample", message));
    }
    limits.take(total as usize * SAMPLE_BYTES)?;
    let mut samples = Vec::with_capacity(total as usize);
    for (weight, &(all, live)) in weights.iter().zip(counts) {
        for number in 0..all {
            samples.push(Sample {
                size: weight.size,
                ordinal: samples.len() as u64 + 1,
                // Ids count the nodes from 1.
                node_id: weight.node + 1,
                count: estimate::v8_count(weight.size, interval, 1),
                is_live: number < live,
            });
        }
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
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
                Arc::new(vec![Stated { node: 3, bytes: 4096.0, objects: None }]);
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
        let expected: Vec<_> = expected
            .map(|(stack, size, objects)| (stack.to_owned(), ("bytes", size), objects))
            .into();
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
        proto.location.push(Location { id, line: vec![line] });
        proto.sample.push(ProtoSample {
            location_id: vec![id],
            value: vec![1, 1234],
            label: vec![],
        });
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
        let mut profile = testing::profile(&[
            (1, 0, "(root)"),
            (2, 0, "(root)"),
            (3, 1, EXTERNAL),
            (4, 2, "(root)"),
        ]);
        Arc::make_mut(&mut profile.parts_mut().nodes)
            .iter_mut()
            .for_each(|node| node.line_number = 0);
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
            (
                |proto| proto.sample_type.push(ValueType::default()),
                "sample[0].value: 2 for 3 types",
            ),
            (|proto| proto.sample[3].value[0] = -7, "sample[3].value: negative: -7"),
            (
                |proto| proto.sample[0].location_id.push(99),
                "sample[0].location_id: no location has",
            ),
            (|proto| proto.location.clear(), "sample[0].location_id: no location has the id 1"),
            (
                |proto| proto.function.clear(),
                "location with id 1: line.function_id: no function has",
            ),
            (
                |proto| proto.function[1].name = 1 << 40,
                "location with id 2: function.name: no string",
            ),
            (|proto| proto.function[1].filename = -1, "function.filename: no string -1"),
            (|proto| proto.string_table.push(format!("{METADATA}{{")), "the metadata: EOF"),
            (
                |proto| {
                    let count = estimate::v8_count(1 << 20, 524_288, 1 << 30);
                    proto.sample[1].value = vec![i64::from(count), i64::from(count) << 20];
                    proto.sample[1].label =
                        vec![Label { num: 1 << 20, ..proto.sample[1].label[0] }];
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
        proto.location =
            locations.map(|(id, lines)| Location { id, line: vec![line; lines] }).collect();
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
            assert_eq!(parse(&bytes).nodes.len(), 200_001);
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
}
