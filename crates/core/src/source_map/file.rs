//! Reads files, if they are regular ones of a sane size.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::time::SystemTime;

use crate::file;

/// Scripts and maps larger than this are refused. The largest bundles are a tenth of it.
const MAX_BYTES: u64 = 256 << 20;

/// Tells a version of a file from another one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stamp {
    modified: SystemTime,
    bytes: u64,
}

impl Stamp {
    /// None where there is no such file.
    pub fn of(path: &Path) -> Option<Stamp> {
        let metadata = fs::metadata(path).ok()?;
        Some(Stamp { modified: metadata.modified().ok()?, bytes: metadata.len() })
    }
}

/// The content of a regular file.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let (file, metadata) = file::open(path)?;
    let mut bytes = Vec::new();
    if metadata.len() <= MAX_BYTES {
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    }
    // It may have grown in between.
    if metadata.len().max(bytes.len() as u64) > MAX_BYTES {
        return Err(io::Error::other(format!("it is larger than {} MiB", MAX_BYTES >> 20)));
    }
    Ok(bytes)
}
