//! A parsed source map and what it says of a position.

use std::fmt::Display;

use sourcemap::{DecodedMap, SourceMap, Token};
use url::Url;

use super::code::{Cursor, Place};
use super::script::Script;
use super::sources::Sources;
use super::{Function, Original, Originals};

/// A map has about as many tokens as separators, and a token takes 28 bytes. Real maps have a
/// million for 5 MB of code.
const MAX_SEPARATORS: usize = 1 << 24;

/// Longer names are nobody's: answers are kept, and must stay small.
const MAX_NAME_BYTES: usize = 1 << 10;

/// The source map of one script.
pub struct Map<'a> {
    decoded: DecodedMap,
    sources: Sources<'a>,
}

/// What maps a position.
struct Mapping<'a> {
    token: Token<'a>,
    /// Where in the generated line it begins.
    column: u32,
}

impl<'a> Map<'a> {
    /// Parses a map that was read from `base`.
    pub fn decode(bytes: &[u8], base: Url, script: &'a Script) -> Result<Map<'a>, String> {
        let broken = |why: &dyn Display| format!("its source map is broken: {why}");
        if bytes.iter().filter(|byte| matches!(byte, b',' | b';')).count() > MAX_SEPARATORS {
            return Err(broken(&"it has too many mappings"));
        }
        let decoded = sourcemap::decode_slice(bytes).map_err(|error| broken(&error))?;
        Ok(Map { decoded, sources: Sources::new(script, base) })
    }

    /// Where the functions of a script with this text were written.
    pub fn originals(&mut self, text: &str, functions: Vec<Function>) -> Originals {
        let mut functions = functions;
        functions.sort_unstable();
        let mut cursor = Cursor::new(text);
        let answer = |function: Function| {
            let place = cursor.seek(function.line, function.column);
            let original = place.and_then(|place| self.original(&function, place));
            (function, original)
        };
        functions.into_iter().map(answer).collect()
    }

    fn original(&mut self, function: &Function, place: Place) -> Option<Original> {
        if (function.line, function.column, &*function.name) == (0, 0, "") {
            return self.original_of_script(function);
        }
        let mapping = find(&self.decoded, function.line, function.column)?;
        if !place.belongs_to(function.column - mapping.column) {
            return None;
        }
        let token = mapping.token;
        let inner_line = self.inner_line(function, token.get_source());
        Some(Original {
            source: self.sources.name(token.sourcemap(), token.get_src_id())?,
            line: one_based(token.get_src_line())?,
            column: one_based(token.get_src_col())?,
            name: original_name(&self.decoded, function, place),
            inner_line,
        })
    }

    /// The top level of a script is that of its source, if it was made of one only.
    fn original_of_script(&mut self, function: &Function) -> Option<Original> {
        match &self.decoded {
            DecodedMap::Regular(map) if map.get_source_count() == 1 => {
                let inner_line = self.inner_line(function, map.get_source(0));
                let source = self.sources.name(map, 0)?;
                Some(Original { source, line: 1, column: 1, name: None, inner_line })
            }
            _ => None,
        }
    }

    /// The original line of the function's generated one that is asked for, 1-based; 0 where it cannot be told.
    fn inner_line(&self, function: &Function, source: Option<&str>) -> i32 {
        let line = function.inner_line.and_then(|line| line_in(&self.decoded, function, line));
        let line = line.filter(|&(of, _)| source.is_some() && of == source);
        line.and_then(|(_, line)| one_based(line)).unwrap_or(0)
    }
}

/// Source and line of a generated line, from where the function starts, if that is on it. V8 tells no column, so
/// all mappings there must say the same: of a line that many lines were made into nothing can be told.
fn line_in<'a>(
    map: &'a DecodedMap,
    function: &Function,
    line: u32,
) -> Option<(Option<&'a str>, u32)> {
    let column = if line == function.line { function.column } else { 0 };
    let Section { map, line, column, .. } = section(map, line, column)?;
    let position = |at: u32| map.get_token(at as usize).map(|token| token.get_dst());
    let start = last_up_to((line, column), map.get_token_count(), position).unwrap_or(0);
    let tokens = (start..map.get_token_count()).filter_map(|at| map.get_token(at as usize));
    let of_line = tokens
        .skip_while(|token| token.get_dst_line() < line)
        .take_while(|token| token.get_dst_line() == line);
    let mut places =
        of_line.filter(Token::has_source).map(|token| (token.get_source(), token.get_src_line()));
    let first = places.next()?;
    places.all(|place| place == first).then_some(first)
}

/// What the map calls the identifier that gave the function its name. Of a name like `a.b`, which
/// V8 infers from an assignment, that is the last part.
fn original_name(map: &DecodedMap, function: &Function, place: Place) -> Option<Box<str>> {
    let dot = function.name.rfind('.').map_or(0, |dot| dot + 1);
    let (owner, name) = function.name.split_at(dot);
    let column = i64::from(function.column) + place.name_offset(name)?;
    let column = u32::try_from(column).ok()?;
    let mapping = find(map, function.line, column)?;
    let original = mapping.token.get_name()?;
    let is_exact = mapping.column == column;
    let is_sane = !original.is_empty() && original.len() <= MAX_NAME_BYTES;
    (is_exact && is_sane).then(|| format!("{owner}{original}").into())
}

/// The part of a map that has a position, and the position in it.
struct Section<'a> {
    map: &'a SourceMap,
    line: u32,
    column: u32,
    /// Where it starts in the position's line.
    start: u32,
}

fn section(map: &DecodedMap, mut line: u32, mut column: u32) -> Option<Section<'_>> {
    let (mut map, mut start) = (map, 0);
    loop {
        match map {
            DecodedMap::Regular(map) => return Some(Section { map, line, column, start }),
            DecodedMap::Hermes(map) => return Some(Section { map, line, column, start }),
            DecodedMap::Index(index) => {
                let offset = |at| index.get_section(at).map(|section| section.get_offset());
                let at = last_up_to((line, column), index.get_section_count(), offset)?;
                let section = index.get_section(at)?;
                let (first_line, first_column) = section.get_offset();
                if line == first_line {
                    column -= first_column;
                    start += first_column;
                }
                line -= first_line;
                map = section.get_sourcemap()?;
            }
        }
    }
}

/// The last mapping of a line that begins at the column or before.
fn find(map: &DecodedMap, line: u32, column: u32) -> Option<Mapping<'_>> {
    let Section { map, line, column, start } = section(map, line, column)?;
    find_token(map, line, column, start)
}

fn find_token(map: &SourceMap, line: u32, column: u32, section_column: u32) -> Option<Mapping<'_>> {
    let position = |at: u32| map.get_token(at as usize).map(|token| token.get_dst());
    let at = last_up_to((line, column), map.get_token_count(), position)?;
    let token = map.get_token(at as usize)?;
    let is_mapped = token.get_dst_line() == line && token.has_source();
    is_mapped.then(|| Mapping { token, column: token.get_dst_col() + section_column })
}

/// The last of `count` sorted positions that is not after `position`.
fn last_up_to(
    position: (u32, u32),
    count: u32,
    at: impl Fn(u32) -> Option<(u32, u32)>,
) -> Option<u32> {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if at(middle)? <= position {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low.checked_sub(1)
}

fn one_based(position: u32) -> Option<i32> {
    i32::try_from(position).ok()?.checked_add(1)
}
