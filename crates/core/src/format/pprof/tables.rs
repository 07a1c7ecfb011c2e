//! What the samples of a file refer to: strings, functions, locations. Messages are decoded one by one:
//! together they would take up to a hundred times their bytes.

use std::ops::Range;

use foldhash::HashMap;
use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use super::proto::{Function, Line, Location, Profile as Proto, ValueType};
use crate::format::error::{ReadError, Result};
use crate::format::limits::Limits;

/// No message is longer: of the deepest stack that can be read, each frame takes four bytes.
const MAX_MESSAGE_BYTES: usize = 5 << 20;

/// What an entry of a hash table takes, with room to grow.
const ENTRY_BYTES: usize = 64;

// The fields of a profile that are many.
const SAMPLE_TYPE: u32 = 1;
pub const SAMPLE: u32 = 2;
const MAPPING: u32 = 3;
const LOCATION: u32 = 4;
const FUNCTION: u32 = 5;
const STRING: u32 = 6;

/// What samples refer to, and what there is one of.
#[derive(Default)]
pub struct Tables<'a> {
    /// The fields that are few.
    pub header: Proto,
    pub strings: Vec<&'a str>,
    /// The lines of all locations, each with the location's id: what a node of the tree can be.
    pub lines: Vec<(u64, Line)>,
    /// Where the lines of each location are, by its id.
    locations: HashMap<u64, Range<u32>>,
    functions: HashMap<u64, Function>,
}

impl<'a> Tables<'a> {
    /// Those in the bytes of a profile.
    pub fn read(bytes: &'a [u8], limits: &mut Limits) -> Result<Tables<'a>> {
        let mut tables = Tables::default();
        let mut rest = bytes;
        while !rest.is_empty() {
            tables.read_field(&mut rest, limits)?;
        }
        Ok(tables)
    }

    fn read_field(&mut self, rest: &mut &'a [u8], limits: &mut Limits) -> Result<()> {
        let (tag, wire_type) = decode_key(rest).map_err(broken)?;
        match tag {
            LOCATION => self.add_location(message(wire_type, rest)?, limits),
            FUNCTION => {
                let function: Function = message(wire_type, rest)?;
                limits.take(ENTRY_BYTES)?;
                self.functions.insert(function.id, function);
                Ok(())
            }
            STRING => {
                limits.take(size_of::<&str>())?;
                self.strings.push(str::from_utf8(delimited(wire_type, rest)?).map_err(broken)?);
                Ok(())
            }
            SAMPLE | MAPPING => skip_field(wire_type, tag, rest, context()).map_err(broken),
            _ => {
                if tag == SAMPLE_TYPE {
                    limits.take(size_of::<ValueType>())?;
                }
                self.header.merge_field(tag, wire_type, rest, context()).map_err(broken)
            }
        }
    }

    fn add_location(&mut self, location: Location, limits: &mut Limits) -> Result<()> {
        limits.take(ENTRY_BYTES + location.line.len() * size_of::<(u64, Line)>())?;
        let start = self.lines.len() as u32;
        self.lines.extend(location.line.into_iter().map(|line| (location.id, line)));
        self.locations.insert(location.id, start..self.lines.len() as u32);
        Ok(())
    }

    /// The string at an index.
    pub fn text(&self, index: i64) -> Option<&'a str> {
        self.strings.get(usize::try_from(index).ok()?).copied()
    }

    /// The function that a line is in.
    pub fn function(&self, line: &Line) -> Option<&Function> {
        self.functions.get(&line.function_id)
    }

    /// The lines of the location with an id, the innermost first.
    pub fn lines_of(&self, location: u64) -> Option<Range<u32>> {
        self.locations.get(&location).cloned()
    }
}

/// The messages of one field in the bytes of a profile.
pub fn messages<M: Message + Default>(bytes: &[u8], field: u32) -> impl Iterator<Item = Result<M>> {
    let mut rest = bytes;
    let mut next = move || {
        while !rest.is_empty() {
            let (tag, wire_type) = decode_key(&mut rest).map_err(broken)?;
            if tag == field {
                return message(wire_type, &mut rest).map(Some);
            }
            skip_field(wire_type, tag, &mut rest, context()).map_err(broken)?;
        }
        Ok(None)
    };
    std::iter::from_fn(move || next().transpose())
}

fn message<M: Message + Default>(wire_type: WireType, rest: &mut &[u8]) -> Result<M> {
    let bytes = delimited(wire_type, rest)?;
    if bytes.len() > MAX_MESSAGE_BYTES {
        return Err(broken(format!("a message of more than {MAX_MESSAGE_BYTES} bytes")));
    }
    M::decode(bytes).map_err(broken)
}

/// The bytes of a message or a string.
fn delimited<'a>(wire_type: WireType, rest: &mut &'a [u8]) -> Result<&'a [u8]> {
    if wire_type != WireType::LengthDelimited {
        return Err(broken(format!("a field of the wire type {wire_type:?}")));
    }
    let length = decode_varint(rest).map_err(broken)?;
    let end = usize::try_from(length).ok().filter(|&length| length <= rest.len());
    let (bytes, after) = rest.split_at(end.ok_or_else(|| broken("it ends in a field"))?);
    *rest = after;
    Ok(bytes)
}

fn context() -> DecodeContext {
    DecodeContext::default()
}

fn broken(error: impl std::fmt::Display) -> ReadError {
    ReadError::at_path("neither JSON nor pprof", error)
}
