//! pprof to profiles: ours, @datadog/pprof's, and others that count bytes of a heap.

use std::io::Read;

use chrono::{DateTime, SubsecRound};
use foldhash::fast::RandomState;
use indexmap::IndexSet;

use super::proto::{Line, Sample as ProtoSample};
use super::tables::{SAMPLE, Tables, messages};
use super::{ANONYMOUS, MAX_BYTES, METADATA, ROOT, SIZE_LABEL, column_in, is_root};
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

/// The same of a function that stacks have.
const FRAME_BYTES: usize = 64;

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

/// A function: name, file, and the line and column where it starts.
type Frame<'a> = (&'a str, &'a str, i32, i32);

/// A function by its index, and the line of it that allocates or calls; 0 for unknown.
type Place = (u32, i32);

/// What a sample stands for.
struct Weight {
    node: u32,
    line: i32,
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
        Stated { node: self.node, line: self.line, bytes: self.bytes as f64, objects }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    tables: &'a Tables<'a>,
    limits: Limits,
    columns: Columns,
    frames: IndexSet<Frame<'a>, RandomState>,
    /// By line of [`Tables::lines`]; none until a stack has it.
    places: Vec<Option<Place>>,
    /// Functions, and the lines that they were called from.
    tree: Tree<Place>,
    /// Frames that stacks may still have.
    frames_left: u64,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8], tables: &'a Tables<'a>, mut limits: Limits) -> Result<Reader<'a>> {
        limits.take(tables.lines.len() * size_of::<Option<Place>>())?;
        Ok(Reader {
            bytes,
            tables,
            limits,
            columns: Columns::of(tables)?,
            frames: IndexSet::default(),
            places: vec![None; tables.lines.len()],
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
        let nodes = self.nodes(&order, &ranks, &mut strings);
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
        let (node, line) = self.add_stack(sample, || path("location_id"))?;
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
        Ok(Weight { node, line, bytes, objects, live_objects, size, is_labelled })
    }

    /// The node of a sample's stack, and the line of it.
    fn add_stack(&mut self, sample: &ProtoSample, path: impl Fn() -> String) -> Result<Place> {
        let (mut node, mut line, mut depth) = (0, 0, 0);
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
            for number in lines.rev() {
                if !(node == 0 && self.is_root(number)) {
                    let (frame, own_line) = self.place(number)?;
                    node = self.add_node(node, (frame, line))?;
                    line = own_line;
                }
            }
        }
        Ok((node, line))
    }

    fn add_node(&mut self, parent: u32, key: Place) -> Result<u32> {
        let count = self.tree.parents.len();
        let node = self.tree.child(parent, key);
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

    fn nodes(&self, order: &[u32], ranks: &[u32], strings: &mut Strings) -> Vec<Node> {
        let mut nodes = Vec::with_capacity(order.len());
        for (id, &index) in (1..).zip(order) {
            let parent = ranks[self.tree.parents[index as usize] as usize];
            let key = self.tree.keys[index as usize];
            let (name, file, line, column) =
                key.map_or((ROOT, "", 0, 0), |(frame, _)| self.frames[frame as usize]);
            nodes.push(Node {
                id,
                parent,
                name: strings.intern(if name == ANONYMOUS { "" } else { name }),
                script_name: strings.intern(file),
                script_id: 0,
                start_position: 0,
                line_number: line,
                column_number: column,
                call_line: key.map_or(0, |(_, line)| line),
                allocations_end: 0,
            });
        }
        nodes
    }

    /// The function of a line of [`Tables::lines`], and the line in it.
    fn place(&mut self, number: u32) -> Result<Place> {
        if let Some(known) = self.places[number as usize] {
            return Ok(known);
        }
        let (frame, line) = self.frame(self.tables.lines[number as usize])?;
        let known = self.frames.get_index_of(&frame);
        if known.is_none() {
            self.limits.take(FRAME_BYTES)?;
        }
        let index = known.unwrap_or_else(|| self.frames.insert_full(frame).0);
        let place = (index as u32, line);
        self.places[number as usize] = Some(place);
        Ok(place)
    }

    /// The function of a location's line, and the line in it. Whose functions do not say where they start
    /// says so with the location; a location that has line and column of the start says no more.
    fn frame(&self, (location, line): (u64, Line)) -> Result<(Frame<'a>, i32)> {
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
        let column = position(line.column.max(line.line >> 32));
        let start = position(function.start_line);
        if start == 0 || start == number && column > 0 {
            return Ok(((name, file, number, column), 0));
        }
        let system_name = self.tables.text(function.system_name).unwrap_or_default();
        Ok(((name, file, start, column_in(system_name, name, start)), number))
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
                line: weight.line,
                is_live: number < live,
            });
        }
    }
    Ok(samples)
}

#[cfg(test)]
mod tests;
