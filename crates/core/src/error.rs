//! What can go wrong, each with the one stable `code` that JavaScript sees.

use std::fmt;
use std::io;

use serde::{Serialize, Serializer};

use crate::file::FileError;

/// Every failure of ours.
#[derive(Debug)]
pub enum Error {
    /// The running engine is not one that was verified: what was found.
    UnsupportedRuntime(String),
    /// Sampling runs with other options: what runs and what was asked for.
    AlreadySampling(String),
    /// Another agent samples this isolate: who we are to it.
    SamplerInUse(&'static str),
    /// The running V8 cannot do what an option asks for.
    UnsupportedOption(String),
    /// No session of ours runs: why.
    NotSampling(&'static str),
    /// What was read is no profile, or not one that can be used: where, and why.
    InvalidProfile(String),
    /// What was asked for is larger than can be given: how large that is.
    TooLarge(String),
    /// The system did not do what was asked of it.
    System(FileError),
    /// A bug of ours, caught at the boundary.
    Internal(String),
}

/// The result of what can fail with an [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The `code` property of the JavaScript error; none for the system's, which Node names by their
    /// number.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Error::UnsupportedRuntime(_) => Some("ERR_UNSUPPORTED_RUNTIME"),
            Error::AlreadySampling(_) => Some("ERR_ALREADY_SAMPLING"),
            Error::SamplerInUse(_) => Some("ERR_SAMPLER_IN_USE"),
            Error::UnsupportedOption(_) => Some("ERR_UNSUPPORTED_OPTION"),
            Error::NotSampling(_) => Some("ERR_NOT_SAMPLING"),
            Error::InvalidProfile(_) => Some("ERR_INVALID_PROFILE"),
            Error::TooLarge(_) => Some("ERR_TOO_LARGE"),
            Error::Internal(_) => Some("ERR_INTERNAL"),
            Error::System(_) => None,
        }
    }

    /// What should not happen.
    pub fn internal(error: impl fmt::Display) -> Error {
        Error::Internal(error.to_string())
    }
}

impl From<FileError> for Error {
    fn from(failed: FileError) -> Error {
        let FileError { error, path, .. } = &failed;
        // Of ours, not of the system, which has a number for it.
        if error.kind() == io::ErrorKind::FileTooLarge && error.raw_os_error().is_none() {
            return Error::TooLarge(format!("{}: {error}", path.display()));
        }
        Error::System(failed)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::UnsupportedRuntime(message)
            | Error::AlreadySampling(message)
            | Error::UnsupportedOption(message)
            | Error::InvalidProfile(message)
            | Error::TooLarge(message)
            | Error::Internal(message) => out.write_str(message),
            Error::SamplerInUse(message) | Error::NotSampling(message) => out.write_str(message),
            Error::System(failed) => failed.error.fmt(out),
        }
    }
}

impl std::error::Error for Error {}

/// What JavaScript makes an error of (`errorOf` in lib/errors.js).
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Failure {
    /// What went wrong.
    pub message: String,
    /// See [`Error::code`].
    pub code: Option<&'static str>,
    /// The system's error number, if it came from the system.
    pub errno: Option<i32>,
    /// What failed: `open`, `read`, `write`, `fsync` or `rename`.
    pub syscall: Option<&'static str>,
    /// The file that it failed for.
    pub path: Option<String>,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Failure {
        let failure =
            Failure { message: error.to_string(), code: error.code(), ..Failure::default() };
        match error {
            Error::System(failed) => Failure {
                errno: failed.error.raw_os_error(),
                syscall: Some(failed.syscall),
                path: Some(failed.path.to_string_lossy().into_owned()),
                ..failure
            },
            _ => failure,
        }
    }
}

impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        Failure::from(self).serialize(serializer)
    }
}
