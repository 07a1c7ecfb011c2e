//! Profiles to pprof.

use std::borrow::Cow;
use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use indexmap::IndexSet;
use prost::Message;
use rustc_hash::{FxBuildHasher, FxHashMap};
use url::Url;

use super::proto::{Function, Label, Line, Location, Profile as Proto, Sample, ValueType};
use super::{ANONYMOUS, METADATA, ROOT, SIZE_LABEL, is_root};
use crate::profile::tree::Tree;
use crate::profile::{Estimate, Profile, Text};

/// Writes the profile, gzipped. The same profile gives the same bytes.
pub fn write(profile: &Profile, out: &mut impl Write) -> io::Result<()> {
    let proto = Writer::new().build(profile)?;
    let mut gzip = GzEncoder::new(out, Compression::fast());
    gzip.write_all(&proto.encode_to_vec())?;
    gzip.finish().map(drop)
}

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
                || profile.given.iter().all(|given| given.objects.is_some()),
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
        let rounded = |of: Amount| [of.objects.round() as i64, of.bytes.round() as i64];
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

/// What tells functions apart: name and file as indexes of [`Stacks::texts`], line and column.
type Frame = (u32, u32, i32, i32);

/// The profile's tree as pprof tells its nodes apart.
struct Stacks<'a> {
    tree: Tree<Frame>,
    /// Its nodes in pre-order.
    order: Vec<u32>,
    /// For each node of the profile, the place of its stack in that order.
    ranks: Vec<u32>,
    texts: IndexSet<Cow<'a, str>>,
}

impl Stacks<'_> {
    fn of(profile: &Profile) -> Stacks<'_> {
        let mut texts = IndexSet::new();
        let mut index = |text| texts.insert_full(text).0 as u32;
        let names: Vec<u32> = profile.strings.iter().map(|name| index(shown_name(name))).collect();
        let files: Vec<u32> = profile.strings.iter().map(|url| index(path_of(url))).collect();
        let mut tree = Tree::default();
        let mut merged: Vec<u32> = vec![0];
        for node in profile.nodes.iter().skip(1) {
            let (name, file) = (names[node.name as usize], files[node.script_name as usize]);
            let frame = (name, file, node.line_number, node.column_number);
            let parent = merged[node.parent as usize];
            let is_root = parent == 0 && is_root(&texts[name as usize], node.line_number.into());
            merged.push(if is_root { 0 } else { tree.child(parent, frame) });
        }
        let order = tree.pre_order();
        let mut rank_of = vec![0; order.len()];
        for (rank, &node) in (0..).zip(&order) {
            rank_of[node as usize] = rank;
        }
        let ranks = merged.into_iter().map(|node| rank_of[node as usize]).collect();
        Stacks { tree, order, ranks, texts }
    }

    /// The frames of a stack, the innermost first; none for the root's.
    fn frames(&self, rank: u32) -> impl Iterator<Item = Frame> {
        let parent = |&node: &u32| Some(self.tree.parents[node as usize]);
        let nodes = std::iter::successors(Some(self.order[rank as usize]), parent);
        nodes.map_while(|node| self.tree.keys[node as usize])
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
    Given(Amount),
}

/// Ranks, sizes and what there is of them; size 0 for what is no sample.
fn sorted_entries(profile: &Profile, stacks: &Stacks<'_>) -> Vec<(u32, u64, Entry)> {
    let mut entries = Vec::with_capacity(profile.samples.len() + profile.given.len());
    if profile.interval().is_some() {
        for (sample, node) in profile.samples.iter().zip(&profile.totals().sample_nodes) {
            let Some(node) = *node else { continue };
            let entry = Entry::Sample { is_live: sample.is_live };
            entries.push((stacks.ranks[node as usize], sample.size, entry));
        }
    }
    for given in &profile.given {
        let amount = Amount { objects: given.objects.unwrap_or(0.0), bytes: given.bytes };
        entries.push((stacks.ranks[given.node as usize], 0, Entry::Given(amount)));
    }
    entries.sort_by_key(|&(rank, size, _)| (rank, size));
    entries
}

/// Puts the messages together. Strings, functions and locations are numbered as samples need them.
struct Writer {
    proto: Proto,
    strings: IndexSet<String>,
    locations: FxHashMap<Frame, u64>,
}

impl Writer {
    fn new() -> Writer {
        Writer {
            proto: Proto::default(),
            // The first string must be empty.
            strings: IndexSet::from([String::new()]),
            locations: FxHashMap::with_hasher(FxBuildHasher),
        }
    }

    fn build(mut self, profile: &Profile) -> io::Result<Proto> {
        let columns = Columns::of(profile);
        self.add_types(&columns, profile.interval());
        self.add_times(profile);
        self.add_samples(profile, &columns);
        self.proto.string_table = self.strings.into_iter().collect();
        self.proto.string_table.push(metadata_of(profile)?);
        Ok(self.proto)
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

    fn add_samples(&mut self, profile: &Profile, columns: &Columns) {
        let stacks = Stacks::of(profile);
        let common = self.common_labels(profile);
        let size_key = self.string(SIZE_LABEL);
        let interval = profile.interval().unwrap_or(1);
        let entries = sorted_entries(profile, &stacks);
        for same in entries.chunk_by(|one, other| (one.0, one.1) == (other.0, other.1)) {
            let (rank, size, _) = same[0];
            let (all, live) = sum(same, interval);
            let location_id = self.location_ids(&stacks, rank);
            let mut label = Vec::with_capacity(1 + common.len());
            if size > 0 {
                label.push(Label { key: size_key, num: size as i64, ..Label::default() });
            }
            label.extend(&common);
            self.proto.sample.push(Sample { location_id, value: columns.values(all, live), label });
        }
    }

    /// The labels of every sample: the thread and the user's.
    fn common_labels(&mut self, profile: &Profile) -> Vec<Label> {
        let metadata = &profile.metadata;
        let thread = metadata.thread_id.map(|id| ("thread id".to_owned(), id.to_string()));
        let users = metadata.labels.iter().map(|(key, text)| (key.clone(), text.clone()));
        let labels = thread.into_iter().chain(users);
        labels
            .map(|(key, text)| {
                let (key, str) = (self.string(&key), self.string(&text));
                Label { key, str, ..Label::default() }
            })
            .collect()
    }

    fn location_ids(&mut self, stacks: &Stacks<'_>, rank: u32) -> Vec<u64> {
        let mut ids: Vec<u64> =
            stacks.frames(rank).map(|frame| self.location_id(stacks, frame)).collect();
        if ids.is_empty() {
            // Tools want a frame for every sample.
            ids.push(self.add_location(ROOT, "", 0, 0));
        }
        ids
    }

    fn location_id(&mut self, stacks: &Stacks<'_>, frame: Frame) -> u64 {
        if let Some(&id) = self.locations.get(&frame) {
            return id;
        }
        let (name, file, line, column) = frame;
        let (name, file) = (&stacks.texts[name as usize], &stacks.texts[file as usize]);
        let id = self.add_location(name, file, line, column);
        self.locations.insert(frame, id);
        id
    }

    /// A function and its one location: V8 says where functions start, not where they allocate.
    fn add_location(&mut self, name: &str, file: &str, line: i32, column: i32) -> u64 {
        let id = self.proto.location.len() as u64 + 1;
        let (name, filename) = (self.string(name), self.string(file));
        let (line, column) = (i64::from(line), i64::from(column));
        let system_name = name;
        self.proto.function.push(Function { id, name, system_name, filename, start_line: line });
        self.proto
            .location
            .push(Location { id, line: vec![Line { function_id: id, line, column }] });
        id
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
    let mut given = Amount::default();
    for (_, size, entry) in entries {
        match entry {
            Entry::Sample { is_live } => {
                all.add(*size, interval, 1);
                live.add(*size, interval, u32::from(*is_live));
            }
            Entry::Given(amount) => {
                given.objects += amount.objects;
                given.bytes += amount.bytes;
            }
        }
    }
    let with_given = |estimate: Estimate| {
        let Amount { objects, bytes } = estimate.into();
        Amount { objects: objects + given.objects, bytes: bytes + given.bytes }
    };
    (with_given(all), with_given(live))
}
