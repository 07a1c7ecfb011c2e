//! What can be wrong with a file that is read.

use std::fmt;
use std::io;

use crate::error::Error;

/// Why a file is no profile.
#[derive(Debug)]
pub enum ReadError {
    /// It could not be read.
    Io(io::Error),
    /// It was read and is not what it should be: where, and why.
    Invalid(String),
}

/// The result of reading.
pub type Result<T> = std::result::Result<T, ReadError>;

impl ReadError {
    /// What stands at a byte is wrong.
    pub fn at_byte(offset: u64, message: impl fmt::Display) -> ReadError {
        ReadError::Invalid(format!("at byte {offset}: {message}"))
    }

    /// What a JSON path or a protobuf field names is wrong.
    pub fn at_path(path: impl fmt::Display, message: impl fmt::Display) -> ReadError {
        ReadError::Invalid(format!("{path}: {message}"))
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> ReadError {
        ReadError::Io(error)
    }
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Error {
        Error::InvalidProfile(error.to_string())
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Io(error) => error.fmt(out),
            ReadError::Invalid(message) => out.write_str(message),
        }
    }
}

impl std::error::Error for ReadError {}
