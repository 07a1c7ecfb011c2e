//! Profiles to pprof.

use std::borrow::Cow;
use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use foldhash::fast::RandomState;
use indexmap::IndexSet;
use prost::Message;
use prost::encoding::message;
use url::Url;

use super::address::address;
use super::proto::{Function, Label, Line, Location, Mapping, Profile as Proto, Sample, ValueType};
use super::{ANONYMOUS, BUFFERS_MEMORY, MAX_BYTES, MEMORY_LABEL, METADATA, ROOT, SIZE_LABEL};
use super::{is_root, system_name};
use crate::profile::buffers::LEAF;
use crate::profile::lines::ByLine;
use crate::profile::path::Path;
use crate::profile::tree::child_lists;
use crate::profile::{Estimate, Node, Profile, Text};

/// Writes the profile, gzipped. The same profile gives the same bytes.
pub fn write(profile: &Profile, out: &mut dyn Write) -> io::Result<()> {
    compress(&encode(profile)?, out)
}

/// A profile as it is before it is compressed.
pub struct Encoded {
    /// All but the samples.
    pub proto: Proto,
    /// The samples, encoded. Those of one stack follow one another.
    pub samples: Vec<u8>,
}

pub fn encode(profile: &Profile) -> io::Result<Encoded> {
    let Writer { proto, samples, .. } = Writer::of(profile)?;
    Ok(Encoded { proto, samples })
}

pub fn compress(encoded: &Encoded, out: &mut dyn Write) -> io::Result<()> {
    let mut gzip = GzEncoder::new(out, Compression::fast());
    gzip.write_all(&encoded.proto.encode_to_vec())?;
    gzip.write_all(&encoded.samples)?;
    gzip.finish().map(drop)
}

/// The name of the label that says a sample's thread, as runtimes with threads call it.
const THREAD_LABEL: &str = "thread id";

/// The tag of [`Proto::sample`].
pub const SAMPLE_TAG: u32 = 2;

/// The one mapping, which says that there is nothing to look up in any binary.
const MAPPING: Mapping = Mapping {
    id: 1,
    has_functions: true,
    has_filenames: true,
    has_line_numbers: true,
    has_inline_frames: true,
};

/// Which values a profile's samples have, in the order in which they are written.
struct Columns {
    /// Of all objects, the collected ones too.
    allocated: bool,
    /// Of those that are alive.
    in_use: bool,
    /// Not only bytes but objects.
    objects: bool,
}

impl Columns {
    fn of(profile: &Profile) -> Columns {
        let allocated = profile.metadata.includes_collected();
        Columns {
            allocated,
            in_use: profile.knows_liveness || !allocated,
            objects: profile.interval().is_some()
                || profile.stated.iter().all(|stated| stated.objects.is_some()),
        }
    }

    /// The types, as Go's heap profiles have them.
    fn types(&self) -> Vec<(&'static str, &'static str)> {
        let all = [("alloc_objects", "count"), ("alloc_space", "bytes")];
        let live = [("inuse_objects", "count"), ("inuse_space", "bytes")];
        self.select(all, live)
    }

    /// The values of a sample.
    fn values(&self, all: Amount, live: Amount) -> Vec<i64> {
        let rounded = |amount: Amount| [amount.objects.round() as i64, amount.bytes.round() as i64];
        self.select(rounded(all), rounded(live))
    }

    fn select<T: Copy>(&self, all: [T; 2], live: [T; 2]) -> Vec<T> {
        let mut selected = Vec::with_capacity(4);
        for (is_there, [objects, bytes]) in [(self.allocated, all), (self.in_use, live)] {
            if is_there && self.objects {
                selected.push(objects);
            }
            if is_there {
                selected.push(bytes);
            }
        }
        selected
    }
}

/// A number of objects and their bytes.
#[derive(Clone, Copy, Default)]
struct Amount {
    objects: f64,
    bytes: f64,
}

impl From<Estimate> for Amount {
    fn from(estimate: Estimate) -> Amount {
        Amount { objects: estimate.objects.estimate, bytes: estimate.bytes.estimate }
    }
}

/// What tells functions apart: name and file as indexes of [`Functions::texts`], line and column.
type Frame = (u32, u32, i32, i32);

/// A function by its index, and the line of it that allocates or calls; 0 for unknown.
type Place = (u32, i32);

/// The functions of a profile as pprof tells them apart, and the places in them.
struct Functions<'a> {
    frames: IndexSet<Frame, RandomState>,
    places: IndexSet<Place, RandomState>,
    texts: IndexSet<Cow<'a, str>>,
    /// Whether the line of a place is known.
    has_lines: bool,
}

impl Functions<'_> {
    /// Them, and the index of each node's place.
    fn of<'a>(by_line: &'a ByLine<'_>) -> (Functions<'a>, Vec<u32>) {
        let profile = by_line.profile();
        let mut texts = IndexSet::new();
        let mut index = |text| texts.insert_full(text).0 as u32;
        let names: Vec<u32> = profile.strings.iter().map(|name| index(shown_name(name))).collect();
        let files: Vec<u32> = profile.strings.iter().map(|url| index(path_of(url))).collect();
        let (mut frames, mut places) = (IndexSet::default(), IndexSet::default());
        let of_nodes = profile.nodes.iter().enumerate().map(|(index, node)| {
            let (name, file) = (names[node.name as usize], files[node.script_name as usize]);
            let frame = (name, file, node.line_number, node.column_number);
            let frame = frames.insert_full(frame).0 as u32;
            // A function that starts nowhere would seem to start at the line.
            let line = if node.line_number > 0 { by_line.line(index) } else { 0 };
            places.insert_full((frame, line)).0 as u32
        });
        let of_nodes = of_nodes.collect();
        let has_lines = places.iter().any(|&(_, line)| line > 0);
        (Functions { frames, places, texts, has_lines }, of_nodes)
    }

    fn is_root(&self, place: u32) -> bool {
        let (frame, own_line) = self.places[place as usize];
        let (name, _, line, _) = self.frames[frame as usize];
        own_line == 0 && is_root(&self.texts[name as usize], line.into())
    }

    fn is_buffer_leaf(&self, place: u32) -> bool {
        let (frame, _) = self.places[place as usize];
        let (name, _, line, _) = self.frames[frame as usize];
        line <= 0 && self.texts[name as usize] == LEAF
    }

    /// Lines of one function beside each other, in their order, so that what is read from a file is written
    /// as it was.
    fn sort_siblings<T>(&self, siblings: &mut [T], place_of: impl Fn(&T) -> u32) {
        let mut order: IndexSet<u32, RandomState> = IndexSet::default();
        siblings.sort_by_cached_key(|sibling| {
            let (frame, line) = self.places[place_of(sibling) as usize];
            (order.insert_full(frame).0, line)
        });
    }
}

/// The profile's tree with siblings of equal places merged. Stacks are numbered in pre-order.
#[derive(Default)]
struct Stacks {
    /// The stack of the caller; the root's is its own, 0.
    parents: Vec<u32>,
    /// The innermost place.
    places: Vec<u32>,
    /// For each node of the profile, its stack.
    of_nodes: Vec<u32>,
}

/// The children of a stack that have one place: whose they are, and the last of them, a node.
#[derive(Clone, Copy)]
struct Siblings {
    parent: u32,
    last: u32,
}

impl Stacks {
    /// Goes down from the root, through all nodes of a stack at once.
    /// What is called from the root and looks like it is the root: readers cannot tell them apart.
    fn merge(nodes: &[Node], places: &[u32], table: &Functions<'_>) -> Stacks {
        let (first_child, next_sibling) = child_lists(nodes.iter().map(|node| node.parent));
        // The next node of the same stack; 0, the root, is nobody's.
        let mut next_same = vec![0; nodes.len()];
        let mut seen = vec![Siblings { parent: u32::MAX, last: 0 }; table.places.len()];
        let mut last_root = 0;
        let mut stacks = Stacks { of_nodes: vec![0; nodes.len()], ..Stacks::default() };
        let mut pending = vec![(0, 0)];
        while let Some((first, parent)) = pending.pop() {
            let stack = stacks.parents.len() as u32;
            stacks.parents.push(parent);
            stacks.places.push(places[first as usize]);
            let waiting = pending.len();
            let mut node = first;
            loop {
                stacks.of_nodes[node as usize] = stack;
                let mut child = first_child[node as usize];
                while child != 0 {
                    let place = places[child as usize];
                    let siblings = &mut seen[place as usize];
                    if stack == 0 && table.is_root(place) {
                        next_same[last_root as usize] = child;
                        last_root = child;
                    } else if siblings.parent == stack {
                        next_same[siblings.last as usize] = child;
                    } else {
                        pending.push((child, stack));
                    }
                    *siblings = Siblings { parent: stack, last: child };
                    child = next_sibling[child as usize];
                }
                node = next_same[node as usize];
                if node == 0 {
                    break;
                }
            }
            let siblings = &mut pending[waiting..];
            if table.has_lines {
                table.sort_siblings(siblings, |&(node, _)| places[node as usize]);
            }
            siblings.reverse();
        }
        stacks
    }
}

/// A walk through all stacks in their order, which reads memory in order too.
struct Walk<'a> {
    stacks: &'a Stacks,
    next: u32,
    /// The place of each call that is open.
    open: Path<u32>,
}

impl Walk<'_> {
    /// Goes on to a stack; its places, the innermost first, none for the root's.
    fn places(&mut self, stack: u32) -> impl Iterator<Item = u32> {
        while self.next <= stack {
            if self.next > 0 {
                let (parents, places) = (&self.stacks.parents, &self.stacks.places);
                let at = self.next as usize;
                self.open.enter(self.next, parents[at], places[at]);
            }
            self.next += 1;
        }
        self.open.values().rev().copied()
    }
}

fn shown_name(name: &Text) -> Cow<'_, str> {
    let name = name.to_utf8();
    if name.is_empty() { Cow::Borrowed(ANONYMOUS) } else { name }
}

/// The path of a `file:` URL, which `pprof -list` can open.
fn path_of(url: &Text) -> Cow<'_, str> {
    let text = url.to_utf8();
    if !text.starts_with("file:") {
        return text;
    }
    let path = Url::parse(&text).ok().and_then(|url| url.to_file_path().ok());
    path.and_then(|path| path.into_os_string().into_string().ok()).map_or(text, Cow::Owned)
}

/// What stands at a place of the tree, in an order that puts objects of one size together.
enum Entry {
    Sample { is_live: bool },
    Stated(Amount),
}

/// Stacks, sizes and what there is of them; size 0 for what is no sample.
fn sorted_entries(profile: &Profile, stacks: &Stacks) -> Vec<(u32, u64, Entry)> {
    let mut entries = Vec::with_capacity(profile.samples.len() + profile.stated.len());
    if profile.interval().is_some() {
        for (sample, node) in profile.samples.iter().zip(&profile.totals().sample_nodes) {
            let Some(node) = *node else { continue };
            let entry = Entry::Sample { is_live: sample.is_live };
            entries.push((stacks.of_nodes[node as usize], sample.size, entry));
        }
    }
    for stated in profile.stated.iter() {
        let amount = Amount { objects: stated.objects.unwrap_or(0.0), bytes: stated.bytes };
        entries.push((stacks.of_nodes[stated.node as usize], 0, Entry::Stated(amount)));
    }
    entries.sort_by_key(|&(stack, size, _)| (stack, size));
    entries
}

/// Puts the messages together. Strings, functions and locations are numbered as samples need them.
struct Writer {
    /// All but the samples.
    proto: Proto,
    /// The samples, encoded.
    samples: Vec<u8>,
    strings: IndexSet<String>,
    /// Ids of the functions, by frame; 0 for none yet.
    functions: Vec<u64>,
    /// Ids of the locations, by place; 0 for none yet.
    locations: Vec<u64>,
    /// Id of the root's location.
    root: Option<u64>,
}

impl Writer {
    fn of(profile: &Profile) -> io::Result<Writer> {
        let mut writer = Writer {
            proto: Proto { mapping: vec![MAPPING], ..Proto::default() },
            samples: Vec::new(),
            // The first string must be empty.
            strings: IndexSet::from([String::new()]),
            functions: Vec::new(),
            locations: Vec::new(),
            root: None,
        };
        let columns = Columns::of(profile);
        writer.add_types(&columns, profile.interval());
        writer.add_times(profile);
        writer.add_samples(profile, &columns)?;
        writer.proto.string_table = std::mem::take(&mut writer.strings).into_iter().collect();
        writer.proto.string_table.push(metadata_of(profile)?);
        Ok(writer)
    }

    fn string(&mut self, text: &str) -> i64 {
        let index = self.strings.get_index_of(text);
        index.unwrap_or_else(|| self.strings.insert_full(text.to_owned()).0) as i64
    }

    fn value_type(&mut self, name: &str, unit: &str) -> ValueType {
        ValueType { r#type: self.string(name), unit: self.string(unit) }
    }

    fn add_types(&mut self, columns: &Columns, interval: Option<u32>) {
        for (name, unit) in columns.types() {
            let value_type = self.value_type(name, unit);
            self.proto.sample_type.push(value_type);
            // The last one is bytes: in use, if that is known.
            self.proto.default_sample_type = value_type.r#type;
        }
        self.proto.period_type = Some(self.value_type("space", "bytes"));
        self.proto.period = i64::from(interval.unwrap_or(0));
    }

    fn add_times(&mut self, profile: &Profile) {
        let metadata = &profile.metadata;
        if let Some(taken_at) = metadata.taken_at {
            self.proto.time_nanos = taken_at.timestamp_nanos_opt().unwrap_or(0);
            let duration = metadata.started_at.map(|started_at| taken_at - started_at);
            let nanos = duration.and_then(|duration| duration.num_nanoseconds());
            self.proto.duration_nanos = nanos.unwrap_or(0).max(0);
        }
    }

    fn add_samples(&mut self, profile: &Profile, columns: &Columns) -> io::Result<()> {
        let by_line = ByLine::of(profile);
        let profile = by_line.profile();
        let (table, of_nodes) = Functions::of(&by_line);
        let stacks = Stacks::merge(&profile.nodes, &of_nodes, &table);
        self.functions = vec![0; table.frames.len()];
        self.locations = vec![0; table.places.len()];
        let common = self.common_labels(profile);
        let threads = self.thread_labels(profile, &stacks);
        let size_key = self.string(SIZE_LABEL);
        let buffers = Label {
            key: self.string(MEMORY_LABEL),
            str: self.string(BUFFERS_MEMORY),
            ..Label::default()
        };
        let interval = profile.interval().unwrap_or(1);
        let entries = sorted_entries(profile, &stacks);
        let mut walk = Walk { stacks: &stacks, next: 0, open: Path::default() };
        let mut sample = Sample::default();
        for same in entries.chunk_by(|one, other| (one.0, one.1) == (other.0, other.1)) {
            let (stack, size, _) = same[0];
            let (all, live) = sum(same, interval);
            self.set_locations(&mut sample.location_id, &table, walk.places(stack));
            sample.value = columns.values(all, live);
            sample.label.clear();
            if size > 0 {
                sample.label.push(Label { key: size_key, num: size as i64, ..Label::default() });
            }
            if stack > 0 && table.is_buffer_leaf(stacks.places[stack as usize]) {
                sample.label.push(buffers);
            }
            sample.label.extend(&common);
            // Stacks are in pre-order, so a thread's come after its own.
            let earlier = threads.partition_point(|&(first, _)| first <= stack);
            sample.label.extend(earlier.checked_sub(1).map(|index| threads[index].1));
            message::encode(SAMPLE_TAG, &sample, &mut self.samples);
            if self.samples.len() > MAX_BYTES {
                let message = format!("more than {} MiB of protobuf", MAX_BYTES >> 20);
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
            }
        }
        Ok(())
    }

    /// Of each thread of several the first stack and the label of its samples.
    fn thread_labels(&mut self, profile: &Profile, stacks: &Stacks) -> Vec<(u32, Label)> {
        let labels = profile.threads.iter().map(|thread| {
            let (key, str) = (self.string(THREAD_LABEL), self.string(&thread.id.to_string()));
            (stacks.of_nodes[thread.node as usize], Label { key, str, ..Label::default() })
        });
        labels.collect()
    }

    /// The labels of every sample: the thread and the user's.
    fn common_labels(&mut self, profile: &Profile) -> Vec<Label> {
        let metadata = &profile.metadata;
        let thread = metadata.thread_id.map(|id| (THREAD_LABEL.to_owned(), id.to_string()));
        let users = metadata.labels.iter().map(|(key, text)| (key.clone(), text.clone()));
        let labels = thread.into_iter().chain(users);
        labels
            .map(|(key, text)| {
                let (key, str) = (self.string(&key), self.string(&text));
                Label { key, str, ..Label::default() }
            })
            .collect()
    }

    fn set_locations(
        &mut self,
        ids: &mut Vec<u64>,
        table: &Functions<'_>,
        places: impl Iterator<Item = u32>,
    ) {
        ids.clear();
        ids.extend(places.map(|place| self.location_id(table, place)));
        if ids.is_empty() {
            // Tools want a frame for every sample.
            let root = self.root.unwrap_or_else(|| self.add_root());
            self.root = Some(root);
            ids.push(root);
        }
    }

    fn location_id(&mut self, table: &Functions<'_>, place: u32) -> u64 {
        let known = self.locations[place as usize];
        if known != 0 {
            return known;
        }
        let (frame, line) = table.places[place as usize];
        let function_id = self.function_id(table, frame);
        if line > 0 {
            self.tell_start(function_id, table, frame);
        }
        // V8 says where functions start; where it is not known where they allocate, that has to do.
        let (name, file, start_line, start_column) = table.frames[frame as usize];
        let (name, file) = (&table.texts[name as usize], &table.texts[file as usize]);
        let id = if line > 0 {
            let address = address(name, file, &[start_line, start_column, line]);
            self.add_location(function_id, address, line, 0)
        } else {
            let address = address(name, file, &[start_line, start_column]);
            self.add_location(function_id, address, start_line, start_column)
        };
        self.locations[place as usize] = id;
        id
    }

    fn add_location(&mut self, function_id: u64, address: u64, line: i32, column: i32) -> u64 {
        let id = self.proto.location.len() as u64 + 1;
        let line = Line { function_id, line: line.into(), column: column.into() };
        self.proto.location.push(Location {
            id,
            mapping_id: MAPPING.id,
            address,
            line: vec![line],
        });
        id
    }

    fn function_id(&mut self, table: &Functions<'_>, frame: u32) -> u64 {
        let known = self.functions[frame as usize];
        if known != 0 {
            return known;
        }
        let (name, file, line, _) = table.frames[frame as usize];
        let id = self.add_function(&table.texts[name as usize], &table.texts[file as usize], line);
        self.functions[frame as usize] = id;
        id
    }

    /// Notes where a function starts, which its locations no longer say.
    fn tell_start(&mut self, id: u64, table: &Functions<'_>, frame: u32) {
        let (name, _, line, column) = table.frames[frame as usize];
        let system_name = self.string(&system_name(&table.texts[name as usize], line, column));
        self.proto.function[id as usize - 1].system_name = system_name;
    }

    fn add_function(&mut self, name: &str, file: &str, start_line: i32) -> u64 {
        let id = self.proto.function.len() as u64 + 1;
        let (name, filename) = (self.string(name), self.string(file));
        let (system_name, start_line) = (name, start_line.into());
        self.proto.function.push(Function { id, name, system_name, filename, start_line });
        id
    }

    fn add_root(&mut self) -> u64 {
        let function = self.add_function(ROOT, "", 0);
        self.add_location(function, address(ROOT, "", &[0, 0]), 0, 0)
    }
}

/// The string that holds the metadata.
fn metadata_of(profile: &Profile) -> io::Result<String> {
    let mut metadata = profile.metadata.clone();
    // Ordinals stay behind: nothing in this file compares with others of the session.
    metadata.session_id = None;
    metadata.dropped_samples =
        metadata.dropped_samples.saturating_add(profile.totals().dropped_samples);
    Ok(format!("{METADATA}{}", serde_json::to_string(&metadata)?))
}

/// What entries of one size stand for: all of them, and the live ones.
fn sum(entries: &[(u32, u64, Entry)], interval: u32) -> (Amount, Amount) {
    let (mut all, mut live) = (Estimate::default(), Estimate::default());
    let mut stated = Amount::default();
    for (_, size, entry) in entries {
        match entry {
            Entry::Sample { is_live } => {
                all.add(*size, interval, 1);
                live.add(*size, interval, u32::from(*is_live));
            }
            Entry::Stated(amount) => {
                stated.objects += amount.objects;
                stated.bytes += amount.bytes;
            }
        }
    }
    let with_stated = |estimate: Estimate| {
        let Amount { objects, bytes } = estimate.into();
        Amount { objects: objects + stated.objects, bytes: bytes + stated.bytes }
    };
    (with_stated(all), with_stated(live))
}
