//! pprof's profile.proto, gzipped: what `go tool pprof` and its kin read.
//!
//! One sample per stack and object size, as Go's heap profiles have it, with the size as the label
//! `bytes`. Values are whole numbers: estimates, rounded once. The metadata of the profile
//! is the last string of the table, to which nothing refers: a comment would stand above every
//! report, and readers with tags of one byte (npm's pprof-format) stumble over a field of our own.
//! Stacks are merged by name, file, line and column: pprof has no script ids. Of these the addresses
//! are made, by which Grafana Alloy and others find a location of one profile in the next.
//!
//! Where lines of calls and allocations are known, a location's line is that, and the function says where it
//! starts. That has no place for the column, so it stands in the system name. Where they are not known, a
//! location has line and column of the function's start.

mod address;
mod fold;
mod import;
mod proto;
mod read;
mod tables;
mod window;
mod write;

pub use fold::{Folded, Limit};
pub use read::read;
pub use window::{Difference, Window, write_window};
pub use write::write;

/// Protobuf that is longer is neither read nor written. A profile of a million nodes has a tenth of
/// that, unless its stacks are deep beyond measure.
const MAX_BYTES: usize = 256 << 20;

/// The name of a function that has none.
const ANONYMOUS: &str = "(anonymous)";

/// The function that all stacks start from. Only what was allocated outside any is written with it.
const ROOT: &str = "(root)";

/// What the string with the metadata, JSON, starts with.
const METADATA: &str = "heap-profile:";

/// Whether a function that nothing calls is that one, by its name and line.
fn is_root(name: &str, line: i64) -> bool {
    name == ROOT && line == 0
}

/// The name of a function in a profile with lines: with where it starts, as many have one name and one line
/// in minified code.
fn system_name(name: &str, line: i32, column: i32) -> String {
    format!("{name}:{line}:{column}")
}

/// The column in such a name; 0 for any other.
fn column_in(system_name: &str, name: &str, line: i32) -> i32 {
    let place = system_name.strip_prefix(name).and_then(|rest| rest.strip_prefix(':'));
    let column = place.and_then(|place| place.strip_prefix(&format!("{line}:")));
    column.and_then(|column| column.parse().ok()).filter(|&column| column > 0).unwrap_or(0)
}

/// The key of the label that has the size of each object in bytes, as in Go's heap profiles.
const SIZE_LABEL: &str = "bytes";
