//! A JavaScript string as Rust keeps it: UTF-8, or UTF-16 for the few that are not well-formed.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};

use indexmap::{Equivalent, IndexSet};

/// A JavaScript string, without loss: lone surrogates included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// Well-formed Unicode.
    Utf8(Box<str>),
    /// UTF-16 code units with at least one lone surrogate among them.
    Utf16(Box<[u16]>),
}

impl Text {
    /// The text of UTF-16 code units.
    pub fn from_utf16(units: &[u16]) -> Text {
        match String::from_utf16(units) {
            Ok(text) => Text::Utf8(text.into()),
            Err(_) => Text::Utf16(units.into()),
        }
    }

    /// As UTF-8; lone surrogates become U+FFFD.
    pub fn to_utf8(&self) -> Cow<'_, str> {
        match self {
            Text::Utf8(text) => Cow::Borrowed(text),
            Text::Utf16(units) => Cow::Owned(String::from_utf16_lossy(units)),
        }
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        match self {
            Text::Utf8(text) => text.len(),
            Text::Utf16(units) => size_of_val::<[u16]>(units),
        }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        Text::Utf8(text.into())
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            // Like str, which is looked up among texts.
            Text::Utf8(text) => text.hash(state),
            Text::Utf16(units) => units.hash(state),
        }
    }
}

impl Equivalent<Text> for str {
    fn equivalent(&self, text: &Text) -> bool {
        matches!(text, Text::Utf8(text) if **text == *self)
    }
}

/// A string table: each string once, in the order in which they came.
#[derive(Debug, Default)]
pub struct Strings(IndexSet<Text>);

impl Strings {
    /// The index of the string.
    pub fn intern(&mut self, text: &str) -> u32 {
        match self.0.get_index_of(text) {
            Some(index) => index as u32,
            None => self.intern_text(Text::from(text)),
        }
    }

    /// The same, for UTF-8 in which lone surrogates are encoded as if they were characters
    /// (WTF-8, <https://wtf-8.codeberg.page/>). None if it is not that.
    pub fn intern_wtf8(&mut self, bytes: &[u8]) -> Option<u32> {
        match str::from_utf8(bytes) {
            Ok(text) => Some(self.intern(text)),
            Err(_) => Some(self.intern_text(Text::from_utf16(&utf16_of_wtf8(bytes)?))),
        }
    }

    /// The same, for one that may have lone surrogates.
    pub fn intern_text(&mut self, text: Text) -> u32 {
        self.0.insert_full(text).0 as u32
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// All of them, by index.
    pub fn into_vec(self) -> Vec<Text> {
        self.0.into_iter().collect()
    }
}

fn utf16_of_wtf8(mut bytes: &[u8]) -> Option<Vec<u16>> {
    let mut units = Vec::with_capacity(bytes.len());
    while !bytes.is_empty() {
        let valid = match str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => str::from_utf8(&bytes[..error.valid_up_to()]).ok()?,
        };
        units.extend(valid.encode_utf16());
        bytes = &bytes[valid.len()..];
        if let [0xed, high @ 0xa0..=0xbf, low @ 0x80..=0xbf, rest @ ..] = bytes {
            units.push(0xd000 | u16::from(high & 0x3f) << 6 | u16::from(low & 0x3f));
            bytes = rest;
        } else if !bytes.is_empty() {
            return None;
        }
    }
    Some(units)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_each_string_once() {
        let mut strings = Strings::default();
        let lone = Text::from_utf16(&[0xd83d]);
        assert_eq!(strings.intern("a"), 0);
        assert_eq!(strings.intern_text(lone.clone()), 1);
        assert_eq!(strings.intern("a"), 0);
        assert_eq!(strings.intern_text(Text::from("a")), 0);
        assert_eq!(strings.intern_text(lone.clone()), 1);
        assert_eq!(strings.into_vec(), [Text::from("a"), lone]);
    }

    #[test]
    fn reads_lone_surrogates_that_are_encoded_as_characters() {
        let mut strings = Strings::default();
        assert_eq!(strings.intern_wtf8(b"a\xed\xa0\xbdb\xed\xbf\xbf"), Some(0));
        assert_eq!(strings.intern_wtf8("💩".as_bytes()), Some(1));
        for invalid in [b"\xff".as_slice(), b"a\xed", b"\xed\xa0", b"\xc0\x80"] {
            assert_eq!(strings.intern_wtf8(invalid), None);
        }
        let lone = Text::from_utf16(&[0x61, 0xd83d, 0x62, 0xdfff]);
        assert_eq!(strings.into_vec(), [lone, Text::from("💩")]);
    }

    #[test]
    fn keeps_lone_surrogates_and_turns_pairs_into_utf8() {
        let pair = [0xd83d, 0xdca9];
        assert_eq!(Text::from_utf16(&pair), Text::from("💩"));
        let lone = [0x61, 0xd83d];
        assert_eq!(Text::from_utf16(&lone), Text::Utf16(lone.into()));
    }
}
