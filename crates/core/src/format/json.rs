//! JSON values as serde_json writes them, and JavaScript strings that are not well-formed Unicode.

use std::io::{self, Write};

use serde::Serialize;

use crate::profile::Text;

/// The largest whole number below which every one has a double: 2^53.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_992.0;

/// Writes any value.
pub fn write_value<T: Serialize + ?Sized>(out: &mut impl Write, value: &T) -> io::Result<()> {
    serde_json::to_writer(out, value).map_err(io::Error::from)
}

/// Writes a number as JavaScript would: the fewest digits that read back the same, no `.0`.
pub fn write_number(out: &mut impl Write, number: f64) -> io::Result<()> {
    let whole = number as i64;
    if whole as f64 == number && number.abs() < MAX_SAFE_INTEGER {
        return write_value(out, &whole);
    }
    write_value(out, &number)
}

/// Writes a string; lone surrogates as `\udXXX`, as `JSON.stringify` does (ECMA-262,
/// QuoteJSONString).
pub fn write_text(out: &mut impl Write, text: &Text) -> io::Result<()> {
    match text {
        Text::Utf8(text) => write_value(out, text),
        Text::Utf16(units) => write_utf16(out, units),
    }
}

fn write_utf16(out: &mut impl Write, units: &[u16]) -> io::Result<()> {
    out.write_all(b"\"")?;
    for unit in char::decode_utf16(units.iter().copied()) {
        match unit {
            Ok(char) => {
                let quoted = serde_json::to_string(&char)?;
                out.write_all(&quoted.as_bytes()[1..quoted.len() - 1])?;
            }
            Err(lone) => write!(out, "\\u{:04x}", lone.unpaired_surrogate())?,
        }
    }
    out.write_all(b"\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &Text) -> String {
        let mut out = Vec::new();
        write_text(&mut out, text).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn escapes_what_json_must() {
        assert_eq!(text(&Text::from("a\"\\\0\n💩é")), r#""a\"\\\u0000\n💩é""#);
    }

    #[test]
    fn writes_lone_surrogates_as_escapes_and_the_rest_as_it_is() {
        let units = [0xd83d, 0x22, 0xd83d, 0xdca9, 0x0a, 0xdfff];
        assert_eq!(text(&Text::from_utf16(&units)), r#""\ud83d\"💩\n\udfff""#);
    }

    #[test]
    fn writes_whole_numbers_without_a_fraction() {
        let mut out = Vec::new();
        for value in [0.0, 524_288.0, 0.1, 1e300] {
            write_number(&mut out, value).unwrap();
            out.push(b' ');
        }
        assert_eq!(String::from_utf8(out).unwrap(), "0 524288 0.1 1e+300 ");
    }
}
