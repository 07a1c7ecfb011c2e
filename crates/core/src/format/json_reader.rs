//! JSON from a stream, piece by piece: the structure, of any depth, is walked here; the values in
//! it are parsed by serde_json, which would recurse.

use std::borrow::Cow;
use std::fmt;
use std::io::Read;

use memchr::{memchr, memchr2};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, Visitor};

use super::error::{ReadError, Result};

/// What is read at once. The window grows only for a value that is larger.
const CHUNK_BYTES: usize = 256 * 1024;

/// How deep a value may be nested that is skipped. Nobody writes such.
const MAX_SKIPPED_DEPTH: usize = 1 << 16;

/// A position in a JSON text, with a window onto what follows.
pub struct JsonReader<R> {
    source: R,
    window: Vec<u8>,
    /// Where in the window the position is.
    at: usize,
    /// Where in the text the window starts.
    window_offset: u64,
    is_ended: bool,
    /// How long a value may be that is parsed or a key.
    most: usize,
}

/// The items of an object or an array that was opened.
pub struct Items {
    close: u8,
    is_first: bool,
}

impl<R: Read> JsonReader<R> {
    /// At the start of a text whose values are of `most` bytes, but for those that are skipped.
    pub fn new(source: R, most: usize) -> JsonReader<R> {
        JsonReader { source, window: Vec::new(), at: 0, window_offset: 0, is_ended: false, most }
    }

    /// How many bytes come before the position.
    pub fn offset(&self) -> u64 {
        self.window_offset + self.at as u64
    }

    /// Enters an object.
    pub fn open_object(&mut self) -> Result<Items> {
        self.expect(b'{')?;
        Ok(Items { close: b'}', is_first: true })
    }

    /// Enters an array.
    pub fn open_array(&mut self) -> Result<Items> {
        self.expect(b'[')?;
        Ok(Items { close: b']', is_first: true })
    }

    /// Goes to the next item; false after the last one, past the closing bracket.
    pub fn has_next(&mut self, items: &mut Items) -> Result<bool> {
        let is_first = std::mem::replace(&mut items.is_first, false);
        match self.peek()? {
            Some(byte) if byte == items.close => {
                self.at += 1;
                Ok(false)
            }
            Some(b',') if !is_first => {
                self.at += 1;
                Ok(true)
            }
            Some(_) if is_first => Ok(true),
            found => Err(self.unexpected(&[',', char::from(items.close)], found)),
        }
    }

    /// What `map` makes of the key of an object's item; its value is next.
    pub fn key<T>(&mut self, map: impl FnOnce(&[u8]) -> T) -> Result<T> {
        let found = self.peek()?;
        if found != Some(b'"') {
            return Err(self.unexpected(&['"'], found));
        }
        let key = match self.take_plain_key() {
            Some(plain) => map(plain),
            None => {
                let (quoted, offset) = self.take_value()?;
                map(&parse::<RawText>(quoted, offset)?.0)
            }
        };
        self.expect(b':')?;
        Ok(key)
    }

    /// The key that is next, if it has no escapes and is all in the window, as almost all are.
    fn take_plain_key(&mut self) -> Option<&[u8]> {
        let rest = &self.window[self.at + 1..];
        let end = rest.iter().position(|&byte| byte == b'"' || byte == b'\\')?;
        if rest[end] != b'"' {
            return None;
        }
        self.at += end + 2;
        Some(&rest[..end])
    }

    /// A value that serde_json can parse: nested 128 levels deep at most.
    pub fn value<'a, T: Deserialize<'a>>(&'a mut self) -> Result<T> {
        let (bytes, offset) = self.take_value()?;
        parse(bytes, offset)
    }

    /// The bytes of a value, unchecked, and where they are. For [`parse`].
    pub fn take_value(&mut self) -> Result<(&[u8], u64)> {
        self.peek()?;
        let end = self.find_value_end()?;
        let (start, offset) = (self.at, self.offset());
        self.at = end;
        Ok((&self.window[start..end], offset))
    }

    /// The same of an object. serde_json would take an array for a struct.
    pub fn take_object(&mut self) -> Result<(&[u8], u64)> {
        match self.peek()? {
            Some(b'{') => self.take_value(),
            found => Err(self.unexpected(&['{'], found)),
        }
    }

    /// What `known` has for the bytes up to the next `}`, which are skipped then. Give it whole
    /// objects only: none is the start of another value, so what is found is the value that is next.
    pub fn known_object<T>(&mut self, known: impl FnOnce(&[u8]) -> Option<T>) -> Result<Option<T>> {
        self.peek()?;
        let rest = &self.window[self.at..];
        let Some(end) = memchr(b'}', rest) else { return Ok(None) };
        let found = known(&rest[..=end]);
        if found.is_some() {
            self.at += end + 1;
        }
        Ok(found)
    }

    /// Skips a value of any size, piece by piece.
    pub fn skip(&mut self) -> Result<()> {
        let mut open: Vec<Items> = Vec::new();
        loop {
            match self.peek()? {
                Some(b'{') => open.push(self.open_object()?),
                Some(b'[') => open.push(self.open_array()?),
                Some(b'"') => self.skip_string()?,
                _ => self.value().map(|IgnoredAny| ())?,
            }
            if open.len() > MAX_SKIPPED_DEPTH {
                let message = format!("nested deeper than {MAX_SKIPPED_DEPTH} levels");
                return Err(ReadError::at_byte(self.offset(), message));
            }
            if !self.skip_to_next(&mut open)? {
                return Ok(());
            }
        }
    }

    /// Goes to the next value of the innermost of the open ones that has one; false if none has.
    fn skip_to_next(&mut self, open: &mut Vec<Items>) -> Result<bool> {
        while let Some(items) = open.last_mut() {
            if !self.has_next(items)? {
                open.pop();
                continue;
            }
            if items.close == b'}' {
                self.skip_string()?;
                self.expect(b':')?;
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// Skips a string. What is in it is anybody's.
    fn skip_string(&mut self) -> Result<()> {
        self.expect(b'"')?;
        loop {
            let rest = &self.window[self.at..];
            match memchr2(b'"', b'\\', rest) {
                Some(length) if rest[length] == b'"' => {
                    self.at += length + 1;
                    return Ok(());
                }
                Some(length) => {
                    self.at += length + 1;
                    self.need_byte()?;
                    self.at += 1;
                }
                None => {
                    self.at = self.window.len();
                    self.need_byte()?;
                }
            }
        }
    }

    /// Sees to it that there is another byte of the string.
    fn need_byte(&mut self) -> Result<()> {
        if self.at == self.window.len() && !self.is_ended {
            self.fill()?;
        }
        if self.at == self.window.len() {
            return Err(self.unexpected(&['"'], None));
        }
        Ok(())
    }

    /// Only white space may be left.
    pub fn end(&mut self) -> Result<()> {
        match self.peek()? {
            None => Ok(()),
            found => Err(self.unexpected(&[], found)),
        }
    }

    fn expect(&mut self, byte: u8) -> Result<()> {
        match self.peek()? {
            Some(found) if found == byte => {
                self.at += 1;
                Ok(())
            }
            found => Err(self.unexpected(&[char::from(byte)], found)),
        }
    }

    /// The next byte that is no white space; the position goes there.
    #[inline]
    fn peek(&mut self) -> Result<Option<u8>> {
        match self.window.get(self.at) {
            // As almost always: nobody indents these files.
            Some(&byte) if byte > b' ' => Ok(Some(byte)),
            _ => self.skip_space(),
        }
    }

    fn skip_space(&mut self) -> Result<Option<u8>> {
        loop {
            let rest = &self.window[self.at..];
            if let Some(spaces) = rest.iter().position(|byte| !b" \t\r\n".contains(byte)) {
                self.at += spaces;
                return Ok(Some(self.window[self.at]));
            }
            self.at = self.window.len();
            if self.is_ended {
                return Ok(None);
            }
            self.fill()?;
        }
    }

    /// Where in the window the value that is next ends; the window's end if the text ends first.
    fn find_value_end(&mut self) -> Result<usize> {
        loop {
            if let Some(length) = value_length(&self.window[self.at..]) {
                return Ok(self.at + length);
            }
            if self.is_ended {
                return Ok(self.window.len());
            }
            self.fill()?;
        }
    }

    /// Drops what was read, and doubles what is left.
    fn fill(&mut self) -> Result<()> {
        self.window_offset += self.at as u64;
        self.window.drain(..self.at);
        self.at = 0;
        if self.window.len() >= self.most {
            let message = format!("a value of more than {} bytes", self.most);
            return Err(ReadError::at_byte(self.offset(), message));
        }
        let wanted = self.window.len().max(CHUNK_BYTES) as u64;
        let got = self.source.by_ref().take(wanted).read_to_end(&mut self.window)?;
        self.is_ended = (got as u64) < wanted;
        Ok(())
    }

    fn unexpected(&self, expected: &[char], found: Option<u8>) -> ReadError {
        let expected = match expected {
            [] => "the end".to_owned(),
            [one] => format!("{one:?}"),
            [one, other, ..] => format!("{one:?} or {other:?}"),
        };
        let found = match found {
            None => "the end".to_owned(),
            Some(byte) if byte.is_ascii() => format!("{:?}", char::from(byte)),
            Some(byte) => format!("byte 0x{byte:02x}"),
        };
        ReadError::at_byte(self.offset(), format!("expected {expected}, found {found}"))
    }
}

/// Parses a value whose first byte is at `offset`.
pub fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8], offset: u64) -> Result<T> {
    serde_json::from_slice(bytes)
        .map_err(|error| ReadError::at_byte(offset + position_of(&error, bytes), describe(&error)))
}

/// The length of the value at the start; none if it goes on after the end. Does not check it.
fn value_length(bytes: &[u8]) -> Option<usize> {
    match bytes.first()? {
        b'"' => string_length(bytes),
        b'{' | b'[' => brackets_length(bytes),
        _ => bytes.iter().position(|byte| {
            matches!(byte, b',' | b':' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n')
        }),
    }
}

fn string_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn brackets_length(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut depth) = (0, 0u64);
    loop {
        match bytes.get(at)? {
            b'"' => at += string_length(&bytes[at..])? - 1,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}

/// Where in the bytes serde_json found the error. It counts lines and columns from 1.
fn position_of(error: &serde_json::Error, bytes: &[u8]) -> u64 {
    let mut line_start = 0;
    for _ in 1..error.line() {
        line_start += memchr(b'\n', &bytes[line_start..]).map_or(0, |length| length + 1);
    }
    (line_start + error.column().saturating_sub(1)) as u64
}

/// serde_json's message without its line and column, which count from the start of the value.
fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

/// A JSON string as bytes: UTF-8, but for lone surrogates, which serde_json encodes as if they were
/// characters.
#[derive(Default)]
pub struct RawText<'a>(pub Cow<'a, [u8]>);

impl<'de: 'a, 'a> Deserialize<'de> for RawText<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = RawText<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a string")
            }

            fn visit_borrowed_bytes<E: Error>(
                self,
                bytes: &'de [u8],
            ) -> std::result::Result<RawText<'de>, E> {
                Ok(RawText(Cow::Borrowed(bytes)))
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> std::result::Result<RawText<'de>, E> {
                Ok(RawText(Cow::Owned(bytes.to_owned())))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

#[cfg(test)]
mod tests;
