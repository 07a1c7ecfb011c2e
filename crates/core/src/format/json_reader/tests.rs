//! Walks through JSON in pieces of any length.

use super::*;

/// Of a text whose values are as long as they like.
fn reader<R: Read>(source: R) -> JsonReader<R> {
    JsonReader::new(source, usize::MAX)
}

/// A source that gives a byte at a time.
struct Drops<'a>(&'a [u8]);

impl Read for Drops<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = usize::from(!self.0.is_empty()).min(out.len());
        out[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

#[test]
fn walks_objects_and_arrays() {
    let text = br#" { "a" : [ 1, {"b":[]} ,"x\"]\\" ] , "c":{} } "#;
    let mut json = reader(Drops(text));
    let mut members = json.open_object().unwrap();
    assert!(json.has_next(&mut members).unwrap());
    assert!(json.key(|key| key == b"a").unwrap());
    let mut items = json.open_array().unwrap();
    assert!(json.has_next(&mut items).unwrap());
    assert_eq!(json.value::<u32>().unwrap(), 1);
    assert!(json.has_next(&mut items).unwrap());
    json.skip().unwrap();
    assert!(json.has_next(&mut items).unwrap());
    assert_eq!(json.value::<String>().unwrap(), r#"x"]\"#);
    assert!(!json.has_next(&mut items).unwrap());
    assert!(json.has_next(&mut members).unwrap());
    assert!(json.key(|key| key == b"c").unwrap());
    json.skip().unwrap();
    assert!(!json.has_next(&mut members).unwrap());
    json.end().unwrap();
}

#[test]
fn a_value_may_be_larger_than_the_window() {
    let text = format!("[{:?}, 7]", "x".repeat(3 * CHUNK_BYTES));
    let mut json = reader(text.as_bytes());
    let mut items = json.open_array().unwrap();
    assert!(json.has_next(&mut items).unwrap());
    assert_eq!(json.value::<String>().unwrap().len(), 3 * CHUNK_BYTES);
    assert!(json.has_next(&mut items).unwrap());
    assert_eq!(json.value::<u32>().unwrap(), 7);
    assert!(!json.has_next(&mut items).unwrap());
}

#[test]
fn what_is_skipped_is_not_kept() {
    let long = "x\\\"".repeat(CHUNK_BYTES);
    for value in [
        format!("\"{long}\""),
        format!("{{\"{long}\": [\"{long}\", {{}}]}}"),
        format!("[{}0]", "[1, true, null, -2.5e3, \"\"], ".repeat(CHUNK_BYTES)),
        format!("{}{}", "[".repeat(MAX_SKIPPED_DEPTH), "]".repeat(MAX_SKIPPED_DEPTH)),
    ] {
        let text = format!("[{value}, 7]");
        let mut json = JsonReader::new(text.as_bytes(), CHUNK_BYTES);
        let mut items = json.open_array().unwrap();
        assert!(json.has_next(&mut items).unwrap());
        json.skip().unwrap();
        assert!(json.window.capacity() <= 2 * CHUNK_BYTES);
        assert!(json.has_next(&mut items).unwrap());
        assert_eq!(json.value::<u32>().unwrap(), 7);
        assert!(!json.has_next(&mut items).unwrap());
    }
}

#[test]
fn what_is_skipped_must_be_json() {
    for (value, message) in [
        ("[1 2]", "at byte 3: expected ',' or ']', found '2'"),
        ("{\"a\" 1}", "at byte 5: expected ':', found '1'"),
        ("{1: 1}", "at byte 1: expected '\"', found '1'"),
        ("[nul]", "at byte 3: EOF while parsing a value"),
        ("[1, ", "at byte 4: EOF while parsing a value"),
        ("\"a", "at byte 2: expected '\"', found the end"),
        ("\"a\\", "at byte 3: expected '\"', found the end"),
    ] {
        let error = reader(value.as_bytes()).skip().unwrap_err().to_string();
        assert!(error.starts_with(message), "{error} is not {message}");
    }
    let deep = "[".repeat(MAX_SKIPPED_DEPTH + 1);
    let error = reader(deep.as_bytes()).skip().unwrap_err().to_string();
    assert!(error.contains("nested deeper"), "{error}");
}

#[test]
fn a_value_has_its_limit() {
    let text = format!("[{:?}]", "x".repeat(3 * CHUNK_BYTES));
    let mut json = JsonReader::new(text.as_bytes(), CHUNK_BYTES);
    let mut items = json.open_array().unwrap();
    assert!(json.has_next(&mut items).unwrap());
    let error = json.value::<String>().unwrap_err().to_string();
    assert_eq!(error, "at byte 1: a value of more than 262144 bytes");
}

fn error_of(text: &str) -> String {
    let mut json = reader(text.as_bytes());
    let mut read = || {
        let mut items = json.open_array()?;
        while json.has_next(&mut items)? {
            json.value::<u32>()?;
        }
        json.end()
    };
    read().unwrap_err().to_string()
}

#[test]
fn says_where_what_is_wrong() {
    assert_eq!(error_of(""), "at byte 0: expected '[', found the end");
    assert_eq!(error_of("{}"), "at byte 0: expected '[', found '{'");
    assert_eq!(error_of("[1 2]"), "at byte 3: expected ',' or ']', found '2'");
    assert_eq!(error_of("[1,2"), "at byte 4: expected ',' or ']', found the end");
    assert_eq!(error_of("[1]\n x"), "at byte 5: expected the end, found 'x'");
    assert_eq!(error_of("[1, -2]"), "at byte 5: invalid value: integer `-2`, expected u32");
    assert_eq!(error_of("[1, \n\"a"), "at byte 6: EOF while parsing a string");
    assert!(error_of("[1,]").starts_with("at byte 3: EOF while parsing a value"));
    assert!(error_of("[1, 9e999]").contains("number out of range"));
}
