//! Data in a page: an HTML file with a place for it, which the page's script reads as JSON.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::{CompactFormatter, Formatter};

/// Where the data goes in the page: the content of a `<script type="application/json">`.
pub const PLACE: &str = "{{data}}";

/// Writes the page with the data at its place.
pub fn write<T: Serialize>(page: &str, data: &T, out: &mut dyn Write) -> io::Result<()> {
    let (before, after) = page
        .split_once(PLACE)
        .ok_or_else(|| io::Error::other(format!("the page has no {PLACE}")))?;
    out.write_all(before.as_bytes())?;
    write_json(data, out)?;
    out.write_all(after.as_bytes())
}

/// Nothing in JSON but strings has a `<`. Escaped, it neither ends the script element nor starts
/// a comment, whatever the profiled program calls its functions.
fn write_json<T: Serialize>(data: &T, out: &mut dyn Write) -> io::Result<()> {
    let mut json = Vec::new();
    data.serialize(&mut Serializer::with_formatter(&mut json, TenDigits))?;
    let json = String::from_utf8(json).map_err(io::Error::other)?;
    let mut parts = json.split('<');
    out.write_all(parts.next().unwrap_or_default().as_bytes())?;
    parts.try_for_each(|part| {
        out.write_all(b"\\u003c")?;
        out.write_all(part.as_bytes())
    })
}

/// Estimates with as many digits as anyone needs: with all that they have a page would be a third larger.
struct TenDigits;

impl Formatter for TenDigits {
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        CompactFormatter.write_f64(writer, ten_digits(value))
    }
}

/// Whole numbers stay what they are: times have more digits.
fn ten_digits(value: f64) -> f64 {
    if value.fract() == 0.0 {
        return value;
    }
    format!("{value:.9e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_ten_digits() {
        let mut out = Vec::new();
        let numbers = [100_000.0 / 3.0, -0.1 - 0.2, 1_795_550_285_123.0, 5e-324, 0.0];
        write("{{data}}", &numbers, &mut out).unwrap();
        let json = String::from_utf8(out).unwrap();
        assert_eq!(json, "[33333.33333,-0.3,1795550285123.0,5e-324,0.0]");
    }

    #[test]
    fn no_text_ends_the_script_element() {
        let page = "<script type=\"application/json\">{{data}}</script><p>";
        let name = "</script><!--<img onerror=alert(1)>{{data}} \u{2028}\"";
        let mut out = Vec::new();
        write(page, &[name], &mut out).unwrap();
        let html = String::from_utf8(out).unwrap();
        let json = html
            .strip_prefix("<script type=\"application/json\">")
            .and_then(|rest| rest.strip_suffix("</script><p>"))
            .unwrap();
        assert!(!json.contains('<'));
        assert_eq!(serde_json::from_str::<Vec<String>>(json).unwrap(), [name]);
    }

    #[test]
    fn a_page_without_a_place_is_an_error() {
        assert!(write("<p>", &(), &mut Vec::new()).is_err());
    }
}
