//! What can go wrong, each with the one stable `code` that JavaScript sees.

use std::fmt;

/// Every failure of capturing; file errors are [`crate::file::FileError`].
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
    /// A Node-API call failed: its name and status.
    NodeApi(&'static str, i32),
    /// A bug of ours, caught at the boundary.
    Internal(String),
}

/// The result of what can fail with an [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The `code` property of the JavaScript error.
    pub fn code(&self) -> &'static str {
        match self {
            Error::UnsupportedRuntime(_) => "ERR_UNSUPPORTED_RUNTIME",
            Error::AlreadySampling(_) => "ERR_ALREADY_SAMPLING",
            Error::SamplerInUse(_) => "ERR_SAMPLER_IN_USE",
            Error::UnsupportedOption(_) => "ERR_UNSUPPORTED_OPTION",
            Error::NotSampling(_) => "ERR_NOT_SAMPLING",
            Error::NodeApi(..) | Error::Internal(_) => "ERR_INTERNAL",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::UnsupportedRuntime(message)
            | Error::AlreadySampling(message)
            | Error::UnsupportedOption(message)
            | Error::Internal(message) => out.write_str(message),
            Error::SamplerInUse(message) | Error::NotSampling(message) => out.write_str(message),
            Error::NodeApi(call, status) => write!(out, "{call} failed with status {status}"),
        }
    }
}

impl std::error::Error for Error {}
