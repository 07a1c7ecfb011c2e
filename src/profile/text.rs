//! A JavaScript string as Rust keeps it: UTF-8, or UTF-16 for the few that are not well-formed.

/// A JavaScript string, without loss: lone surrogates included.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_lone_surrogates_and_turns_pairs_into_utf8() {
        let pair = [0xd83d, 0xdca9];
        assert_eq!(Text::from_utf16(&pair), Text::from("💩"));
        let lone = [0x61, 0xd83d];
        assert_eq!(Text::from_utf16(&lone), Text::Utf16(lone.into()));
    }
}
