//! `.heapprofile` to profiles: ours, DevTools', the inspector's, `node --heap-prof`'s, and the flat
//! form of heap-profile 0.4.0, whose nodes have no `callFrame` and 1-based positions.

use std::fmt;
use std::io::Read;

use foldhash::HashMap;
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

use crate::format::error::{ReadError, Result};
use crate::format::json_reader::{self, Items, JsonReader, RawText};
use crate::format::limits::{Limits, MAX_DEPTH};
use crate::profile::estimate::MAX_OBJECT_BYTES;
use crate::profile::{Metadata, Node, Parts, Profile, Sample, Stated, Strings, estimate};

/// Relative error that sums of floating-point numbers may have.
const ROUNDING: f64 = 1e-9;

/// No node holds more: 2^32 objects of 2^53 bytes. Sums over nodes of as much are numbers still.
const MAX_NODE_BYTES: f64 = MAX_OBJECT_BYTES * 4_294_967_296.0;

/// What a node takes until all is read, with what is worked out of it and its open brackets.
const NODE_BYTES: usize = 160;

/// The same of a sample.
const SAMPLE_BYTES: usize = 160;

/// The same of a string, beside its characters, which may become UTF-16.
const STRING_BYTES: usize = 64;

/// The same of a call frame, beside its bytes.
const FRAME_BYTES: usize = 128;

/// Reads a profile. Takes memory in proportion to the profile, not to the file.
pub fn read(source: impl Read, limits: Limits) -> Result<Profile> {
    let mut json = JsonReader::new(source, limits.value_bytes());
    let mut file = File::new(limits);
    let mut members = json.open_object()?;
    while json.has_next(&mut members)? {
        match json.key(TopKey::of)? {
            TopKey::Head if !file.nodes.is_empty() => {
                return Err(ReadError::at_byte(json.offset(), "a second \"head\""));
            }
            TopKey::Head => file.read_head(&mut json)?,
            TopKey::Samples => file.read_samples(&mut json)?,
            TopKey::HeapProfile => file.trailer = Some(Trailer::read(&mut json)?),
            TopKey::Other => json.skip()?,
        }
    }
    json.end()?;
    file.finish()
}

enum TopKey {
    Head,
    Samples,
    HeapProfile,
    Other,
}

impl TopKey {
    fn of(name: &[u8]) -> TopKey {
        match name {
            b"head" => TopKey::Head,
            b"samples" => TopKey::Samples,
            b"heapProfile" => TopKey::HeapProfile,
            _ => TopKey::Other,
        }
    }
}

enum NodeKey {
    CallFrame,
    SelfSize,
    Id,
    Children,
    /// Ours.
    CallLineNumber,
    /// The flat form's.
    FunctionName,
    Url,
    ScriptId,
    LineNumber,
    ColumnNumber,
    Other,
}

impl NodeKey {
    fn of(name: &[u8]) -> NodeKey {
        match name {
            b"callFrame" => NodeKey::CallFrame,
            b"selfSize" => NodeKey::SelfSize,
            b"id" => NodeKey::Id,
            b"children" => NodeKey::Children,
            b"callLineNumber" => NodeKey::CallLineNumber,
            b"functionName" => NodeKey::FunctionName,
            b"url" => NodeKey::Url,
            b"scriptId" => NodeKey::ScriptId,
            b"lineNumber" => NodeKey::LineNumber,
            b"columnNumber" => NodeKey::ColumnNumber,
            _ => NodeKey::Other,
        }
    }
}

/// The protocol's Runtime.CallFrame.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CallFrame<'a> {
    #[serde(borrow)]
    function_name: RawText<'a>,
    #[serde(borrow)]
    url: RawText<'a>,
    script_id: ScriptId,
    line_number: Position,
    column_number: Position,
}

/// A call frame as nodes have it.
#[derive(Clone, Copy)]
struct Frame {
    name: u32,
    script_name: u32,
    script_id: i32,
    line_number: i32,
    column_number: i32,
}

/// The call frames that were read, by their bytes: a function has a hundred nodes or more. The hash
/// is seeded, as the bytes are anybody's.
#[derive(Default)]
struct KnownFrames(HashMap<Box<[u8]>, Frame>);

impl KnownFrames {
    fn get(&mut self, json: &mut JsonReader<impl Read>, texts: &mut Texts) -> Result<Frame> {
        if let Some(known) = json.known_object(|bytes| self.0.get(bytes).copied())? {
            return Ok(known);
        }
        let (bytes, offset) = json.take_object()?;
        let call_frame: CallFrame = json_reader::parse(bytes, offset)?;
        let frame = Frame {
            name: texts.intern(&call_frame.function_name, offset)?,
            script_name: texts.intern(&call_frame.url, offset)?,
            script_id: call_frame.script_id.0,
            line_number: call_frame.line_number.one_based(),
            column_number: call_frame.column_number.one_based(),
        };
        texts.limits.take(FRAME_BYTES + bytes.len())?;
        self.0.insert(bytes.into(), frame);
        Ok(frame)
    }
}

/// HeapProfiler.SamplingHeapProfileSample, and the line, which is ours.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileSample {
    size: f64,
    node_id: u32,
    ordinal: u64,
    line_number: Option<Position>,
}

impl FileSample {
    fn line(&self) -> i32 {
        self.line_number.as_ref().map_or(0, Position::one_based)
    }
}

/// What the `heapProfile` key holds.
struct Trailer {
    metadata: Metadata,
    collected_ordinals: Option<Vec<u64>>,
}

/// The part of it that is not metadata.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Collected {
    collected_ordinals: Option<Vec<u64>>,
}

impl Trailer {
    /// Parsed once for each part: together, serde would keep what it does not know.
    fn read(json: &mut JsonReader<impl Read>) -> Result<Trailer> {
        let (bytes, offset) = json.take_value()?;
        // serde_json would take an array for a struct.
        if bytes.first() == Some(&b'[') {
            return Err(ReadError::at_byte(offset, "expected '{', found '['"));
        }
        let metadata = json_reader::parse(bytes, offset)?;
        let Collected { collected_ordinals } = json_reader::parse(bytes, offset)?;
        Ok(Trailer { metadata, collected_ordinals })
    }
}

/// A node whose brackets are open.
struct Open {
    index: u32,
    offset: u64,
    members: Items,
    /// While its children are read.
    children: Option<Items>,
    is_named: bool,
    has_id: bool,
}

/// A node of which nothing was read. Its name is the first of the strings, the empty one.
const UNKNOWN: Node = Node {
    id: 0,
    parent: 0,
    name: 0,
    script_name: 0,
    script_id: 0,
    start_position: 0,
    line_number: 0,
    column_number: 0,
    call_line: 0,
    allocations_end: 0,
};

/// The strings that were read, and what may still be.
struct Texts {
    strings: Strings,
    limits: Limits,
}

impl Texts {
    fn intern(&mut self, text: &RawText<'_>, offset: u64) -> Result<u32> {
        let count = self.strings.count();
        let index = self.strings.intern_wtf8(&text.0);
        if self.strings.count() > count {
            self.limits.take(STRING_BYTES + 2 * text.0.len())?;
        }
        index.ok_or_else(|| ReadError::at_byte(offset, "not UTF-8"))
    }
}

/// What was read so far.
struct File {
    texts: Texts,
    frames: KnownFrames,
    nodes: Vec<Node>,
    self_sizes: Vec<f64>,
    /// How many nodes have an id.
    id_count: usize,
    samples: Vec<FileSample>,
    trailer: Option<Trailer>,
}

impl File {
    fn new(limits: Limits) -> File {
        let mut strings = Strings::default();
        strings.intern("");
        File {
            texts: Texts { strings, limits },
            frames: KnownFrames::default(),
            nodes: Vec::new(),
            self_sizes: Vec::new(),
            id_count: 0,
            samples: Vec::new(),
            trailer: None,
        }
    }

    fn read_head(&mut self, json: &mut JsonReader<impl Read>) -> Result<()> {
        let mut open = vec![self.open_node(json, 0)?];
        while let Some(node) = open.last_mut() {
            if let Some(children) = &mut node.children {
                if json.has_next(children)? {
                    let parent = node.index;
                    if open.len() >= MAX_DEPTH {
                        let message = format!("nodes nested deeper than {MAX_DEPTH} levels");
                        return Err(ReadError::at_byte(json.offset(), message));
                    }
                    open.push(self.open_node(json, parent)?);
                } else {
                    node.children = None;
                }
            } else if json.has_next(&mut node.members)? {
                self.read_member(json, node)?;
            } else {
                if !node.is_named {
                    let message = "a node without a \"callFrame\" or a \"functionName\"";
                    return Err(ReadError::at_byte(node.offset, message));
                }
                open.pop();
            }
        }
        Ok(())
    }

    fn open_node(&mut self, json: &mut JsonReader<impl Read>, parent: u32) -> Result<Open> {
        let offset = json.offset();
        let members = json.open_object()?;
        let index = u32::try_from(self.nodes.len())
            .map_err(|_| ReadError::at_byte(offset, "more than 2^32 nodes"))?;
        self.texts.limits.take(NODE_BYTES)?;
        self.nodes.push(Node { parent, ..UNKNOWN });
        self.self_sizes.push(0.0);
        Ok(Open { index, offset, members, children: None, is_named: false, has_id: false })
    }

    fn read_member(&mut self, json: &mut JsonReader<impl Read>, open: &mut Open) -> Result<()> {
        let key = json.key(NodeKey::of)?;
        let offset = json.offset();
        let node = &mut self.nodes[open.index as usize];
        match key {
            NodeKey::CallFrame => {
                let frame = self.frames.get(json, &mut self.texts)?;
                node.name = frame.name;
                node.script_name = frame.script_name;
                node.script_id = frame.script_id;
                node.line_number = frame.line_number;
                node.column_number = frame.column_number;
                open.is_named = true;
            }
            NodeKey::SelfSize => {
                self.self_sizes[open.index as usize] = size(json.value()?, MAX_NODE_BYTES, offset)?;
            }
            NodeKey::Id => {
                node.id = json.value()?;
                self.id_count += usize::from(!std::mem::replace(&mut open.has_id, true));
            }
            NodeKey::Children => open.children = Some(json.open_array()?),
            NodeKey::CallLineNumber => node.call_line = json.value::<Position>()?.one_based(),
            NodeKey::FunctionName => {
                node.name = self.texts.intern(&json.value()?, offset)?;
                open.is_named = true;
            }
            NodeKey::Url => node.script_name = self.texts.intern(&json.value()?, offset)?,
            NodeKey::ScriptId => node.script_id = json.value::<ScriptId>()?.0,
            NodeKey::LineNumber => node.line_number = json.value::<Position>()?.0.max(0),
            NodeKey::ColumnNumber => node.column_number = json.value::<Position>()?.0.max(0),
            NodeKey::Other => json.skip()?,
        }
        Ok(())
    }

    fn read_samples(&mut self, json: &mut JsonReader<impl Read>) -> Result<()> {
        let mut items = json.open_array()?;
        while json.has_next(&mut items)? {
            let (bytes, offset) = json.take_object()?;
            let sample: FileSample = json_reader::parse(bytes, offset)?;
            size(sample.size, MAX_OBJECT_BYTES, offset)?;
            self.texts.limits.take(SAMPLE_BYTES)?;
            self.samples.push(sample);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Profile> {
        if self.nodes.is_empty() {
            return Err(ReadError::at_path("$", "no \"head\": not a .heapprofile"));
        }
        self.check_ids()?;
        let trailer = self.trailer.take();
        let (metadata, collected) = match trailer {
            Some(trailer) => (trailer.metadata, trailer.collected_ordinals),
            None => (Metadata::default(), None),
        };
        // Said of samples, where objects that were collected are among them.
        let tells_collected =
            metadata.includes_collected() && metadata.sample_interval_bytes.is_some();
        let collected = collected.filter(|_| tells_collected);
        let knows_liveness = collected.is_some() || !metadata.includes_collected();
        let mut collected = collected.unwrap_or_default();
        collected.sort_unstable();
        let samples = match metadata.sample_interval_bytes {
            Some(interval) => self.sampled_objects(interval, &collected)?,
            None => self.stated_samples(),
        };
        let parts = Parts {
            metadata,
            strings: self.texts.strings.into_vec().into(),
            nodes: self.nodes.into(),
            samples: samples.into(),
            knows_liveness,
            ..Parts::default()
        };
        let stated = stated_bytes(&Profile::new(parts.clone()), &self.self_sizes)?;
        Ok(Profile::from_file(Parts { stated: stated.into(), ..parts }))
    }

    /// Ids must be unique. heap-profile 0.4.0 wrote none: then there are no samples either.
    fn check_ids(&mut self) -> Result<()> {
        if self.id_count == 0 {
            for (node, id) in self.nodes.iter_mut().zip(1..) {
                node.id = id;
            }
            return Ok(());
        }
        if self.id_count < self.nodes.len() {
            return Err(ReadError::at_path(
                "$.head",
                "some nodes have an \"id\" and some have none",
            ));
        }
        let mut ids: Vec<u32> = self.nodes.iter().map(|node| node.id).collect();
        ids.sort_unstable();
        match ids.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => {
                Err(ReadError::at_path("$.head", format!("two nodes have the id {}", pair[0])))
            }
            None => Ok(()),
        }
    }

    /// The objects behind the estimates that our files hold.
    fn sampled_objects(&mut self, interval: u32, collected: &[u64]) -> Result<Vec<Sample>> {
        if interval == 0 || interval > i32::MAX as u32 {
            let message = format!("{interval} is not from 1 to 2^31 - 1");
            return Err(ReadError::at_path("$.heapProfile.sampleIntervalBytes", message));
        }
        // Sizes repeat, and finding one takes a while.
        let mut sizes: HashMap<u64, u64> = HashMap::default();
        let mut samples = Vec::with_capacity(self.samples.len());
        for (index, sample) in std::mem::take(&mut self.samples).into_iter().enumerate() {
            let known = sizes.get(&sample.size.to_bits()).copied();
            let Some(size) = known.or_else(|| estimate::object_size(sample.size, interval)) else {
                let message =
                    format!("{} is no estimate at an interval of {interval}", sample.size);
                return Err(ReadError::at_path(format!("$.samples[{index}].size"), message));
            };
            sizes.insert(sample.size.to_bits(), size);
            samples.push(Sample {
                size,
                ordinal: sample.ordinal,
                node_id: sample.node_id,
                count: estimate::v8_count(size, interval, 1),
                line: sample.line(),
                is_live: collected.binary_search(&sample.ordinal).is_err(),
            });
        }
        Ok(samples)
    }

    /// Samples as another tool scaled them.
    fn stated_samples(&mut self) -> Vec<Sample> {
        let samples = std::mem::take(&mut self.samples).into_iter();
        samples
            .map(|sample| Sample {
                size: sample.size.round() as u64,
                ordinal: sample.ordinal,
                node_id: sample.node_id,
                count: 1,
                line: sample.line(),
                is_live: true,
            })
            .collect()
    }
}

/// What the nodes' own sizes say beyond their samples.
fn stated_bytes(profile: &Profile, self_sizes: &[f64]) -> Result<Vec<Stated>> {
    let sums = &profile.totals().self_sizes;
    let mut found = Vec::new();
    for (node, (&stated, &summed)) in (0..).zip(self_sizes.iter().zip(sums)) {
        let bytes = stated - summed;
        if bytes < -ROUNDING * summed {
            let id = profile.nodes[node as usize].id;
            let message = format!("{stated}, less than the samples of the node, {summed}");
            return Err(ReadError::at_path(format!("selfSize of the node with id {id}"), message));
        }
        if bytes > ROUNDING * summed {
            found.push(Stated { node, line: 0, bytes, objects: None });
        }
    }
    Ok(found)
}

fn size(bytes: f64, most: f64, offset: u64) -> Result<f64> {
    if bytes < 0.0 {
        return Err(ReadError::at_byte(offset, format!("a negative size, {bytes}")));
    }
    if bytes > most {
        return Err(ReadError::at_byte(offset, format!("a size above {most}: {bytes}")));
    }
    Ok(bytes)
}

/// A line or column: -1, for unknown, or more.
#[derive(Default)]
struct Position(i32);

impl Position {
    /// As V8 counts, where DevTools has 0 for the first; 0 for unknown.
    fn one_based(&self) -> i32 {
        self.0 + 1
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let position = i32::deserialize(deserializer)?;
        if (-1..i32::MAX).contains(&position) {
            return Ok(Position(position));
        }
        Err(D::Error::custom(format!("{position} is not a line or column")))
    }
}

/// A number that the protocol has as a string.
#[derive(Default)]
struct ScriptId(i32);

impl<'de> Deserialize<'de> for ScriptId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct NumberOrString;
        impl Visitor<'_> for NumberOrString {
            type Value = ScriptId;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a script id below 2^31")
            }

            fn visit_i64<E: Error>(self, id: i64) -> std::result::Result<ScriptId, E> {
                i32::try_from(id).map(ScriptId).map_err(|_| E::custom("a script id out of range"))
            }

            fn visit_u64<E: Error>(self, id: u64) -> std::result::Result<ScriptId, E> {
                i32::try_from(id).map(ScriptId).map_err(|_| E::custom("a script id out of range"))
            }

            fn visit_str<E: Error>(self, id: &str) -> std::result::Result<ScriptId, E> {
                id.parse().map(ScriptId).map_err(|_| E::custom("a script id that is no number"))
            }
        }
        deserializer.deserialize_any(NumberOrString)
    }
}

#[cfg(test)]
mod tests;
