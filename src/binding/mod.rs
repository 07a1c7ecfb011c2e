//! Everything that JavaScript can call, the only `#[napi]` of the project. Arguments come checked
//! (lib/options.js); no panic leaves.

#![allow(missing_docs, reason = "index.d.ts and lib/ document what JavaScript sees")]

mod analysis;
mod flamegraph;
mod host;
mod session;
mod snapshot;
mod tasks;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{self, Error};
use crate::profile::Include;

/// The `code` property of an error.
pub struct Code(&'static str);

impl AsRef<str> for Code {
    fn as_ref(&self) -> &str {
        self.0
    }
}

type Result<T> = napi::Result<T, Code>;

/// Runs `work`; errors and panics become JavaScript errors with a code.
fn guard<T>(work: impl FnOnce() -> error::Result<T>) -> Result<T> {
    let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(bug(&*panic)));
    result.map_err(|error| napi::Error::new(Code(error.code()), error.to_string()))
}

/// lib/options.js checked the name.
fn include_of(name: &str) -> Include {
    if name == Include::Allocated.as_str() { Include::Allocated } else { Include::Live }
}

impl From<napi::Error> for Error {
    fn from(error: napi::Error) -> Error {
        Error::Internal(error.to_string())
    }
}

/// The error that stands for a panic.
fn bug(panic: &(dyn std::any::Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    Error::Internal(format!("a bug in heap-profile: {}", text.unwrap_or_default()))
}
