//! Answers as JSON, no larger than a process that asked can bear.

use serde::Serialize;

use crate::error::{Error, Result};
use crate::format::bounded::bounded;

/// Half of the longest string that JavaScript can hold. What JSON.parse makes of it takes several times
/// as much.
const MAX_BYTES: usize = 256 << 20;

/// The answer's JSON.
pub fn to_json(answer: &impl Serialize) -> Result<String> {
    to_json_within(answer, MAX_BYTES)
}

fn to_json_within(answer: &impl Serialize, most: usize) -> Result<String> {
    let json = bounded(most, |out| Ok(serde_json::to_writer(out, answer)?));
    let json = json.map_err(|error| match error {
        Error::TooLarge(_) => Error::TooLarge(format!(
            "the answer has more than {most} bytes; ask for fewer sites, with `limit` or by function"
        )),
        other => other,
    })?;
    String::from_utf8(json).map_err(Error::internal)
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
