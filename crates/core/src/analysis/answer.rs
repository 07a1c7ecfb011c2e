//! Answers as JSON, no larger than a process that asked can bear.

use std::io::{self, Write};

use serde::Serialize;

use crate::error::{Error, Result};

/// Half of the longest string that JavaScript can hold. What JSON.parse makes of it takes several times
/// as much.
const MAX_BYTES: usize = 256 << 20;

/// The answer's JSON.
pub fn to_json(answer: &impl Serialize) -> Result<String> {
    to_json_within(answer, MAX_BYTES)
}

fn to_json_within(answer: &impl Serialize, max: usize) -> Result<String> {
    let mut json = Bounded { bytes: Vec::new(), max };
    serde_json::to_writer(&mut json, answer).map_err(|error| {
        if error.is_io() { Error::TooLarge(too_large(max)) } else { Error::internal(error) }
    })?;
    String::from_utf8(json.bytes).map_err(Error::internal)
}

fn too_large(max: usize) -> String {
    format!(
        "the answer has more than {max} bytes; ask for fewer sites, with `limit` or by function"
    )
}

/// Bytes, up to a number of them.
struct Bounded {
    bytes: Vec<u8>,
    max: usize,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.max - self.bytes.len() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_too_large_is_an_error_with_a_code() {
        let answer = ["one", "two"];
        assert_eq!(to_json_within(&answer, 13).unwrap(), r#"["one","two"]"#);
        let error = to_json_within(&answer, 12).unwrap_err();
        assert_eq!(error.code(), Some("ERR_TOO_LARGE"));
        assert!(error.to_string().contains("more than 12 bytes"), "{error}");
    }
}
