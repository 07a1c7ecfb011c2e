//! Profiles to bytes and back, one place per format.

pub mod bounded;
pub mod draft;
pub mod error;
pub mod folded;
pub mod heapprofile;
pub mod html;
mod json;
mod json_reader;
pub mod limits;
pub mod pprof;
pub mod progress;

use std::fmt::Display;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use rustix::io::Errno;

use crate::error::Error;
use crate::file;
use crate::profile::Profile;
use error::{ReadError, Result};
use limits::Limits;

/// A format that profiles are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Chrome DevTools', JSON.
    HeapProfile,
    /// pprof's, gzipped protobuf.
    Pprof,
    /// A line per stack, for flame graph tools.
    Folded,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 3] = [Format::HeapProfile, Format::Pprof, Format::Folded];

    /// How the names of its files end.
    pub fn extension(self) -> &'static str {
        match self {
            Format::HeapProfile => ".heapprofile",
            Format::Pprof => ".pb.gz",
            Format::Folded => ".folded",
        }
    }

    /// The format that the name of a file asks for; the first one if it asks for none.
    pub fn of_path(path: &Path) -> Format {
        let name = path.to_string_lossy();
        let asked = Format::ALL.into_iter().find(|format| name.ends_with(format.extension()));
        asked.unwrap_or(Format::HeapProfile)
    }

    /// Writes a profile. `out` is written to in small pieces: give it a buffer.
    pub fn write(self, profile: &Profile, out: &mut impl Write) -> io::Result<()> {
        match self {
            Format::HeapProfile => heapprofile::write(profile, out),
            Format::Pprof => pprof::write(profile, out),
            Format::Folded => folded::write(profile, out),
        }
    }
}

/// Reads a profile of any format that can be read, gzipped or not: .heapprofile and pprof.
pub fn read(bytes: &[u8]) -> Result<Profile> {
    read_from(bytes, Limits::of(bytes.len() as u64))
}

/// The profile in a regular file, of any format that can be read.
pub fn read_file(path: &Path) -> crate::error::Result<Profile> {
    let invalid = |why: &dyn Display| Error::InvalidProfile(format!("{}: {why}", path.display()));
    let (file, metadata) = file::open(path).map_err(|error| match error.kind() {
        // As Node has it.
        io::ErrorKind::IsADirectory => {
            Error::System(file::failed("read", path)(Errno::ISDIR.into()))
        }
        _ if error.raw_os_error().is_none() => invalid(&error),
        _ => Error::System(file::failed("open", path)(error)),
    })?;
    let source = BufReader::with_capacity(file::BUFFER_BYTES, file);
    read_from(source, Limits::of(metadata.len())).map_err(|error| match error {
        ReadError::Io(error) => Error::System(file::failed("read", path)(error)),
        error => invalid(&error),
    })
}

fn read_from(source: impl BufRead, limits: Limits) -> Result<Profile> {
    let mut source = progress::Counted(source);
    if source.fill_buf()?.first() != Some(&GZIP) {
        return read_plain(source, limits);
    }
    let inflated = MultiGzDecoder::new(source).take(limits.inflated_bytes());
    let mut inflated = BufReader::new(inflated);
    let profile = read_plain(&mut inflated, limits);
    if inflated.get_ref().limit() == 0 {
        return Err(limits.inflates());
    }
    profile.map_err(|error| match error {
        ReadError::Io(error) if is_corrupt(&error) => ReadError::at_path("gzip", error),
        other => other,
    })
}

/// The first byte of a gzip file (RFC 1952), which starts neither JSON nor protobuf.
const GZIP: u8 = 0x1f;

fn is_corrupt(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof)
}

fn read_plain(mut source: impl BufRead, limits: Limits) -> Result<Profile> {
    match source.fill_buf()?.first() {
        None => Err(ReadError::at_byte(0, "nothing: the file is empty")),
        // pprof starts with a line feed: field 1, of some length.
        Some(b'{' | b'[' | b' ' | b'\t' | b'\r') => heapprofile::read(source, limits),
        Some(_) => pprof::read(source, limits),
    }
}

#[cfg(test)]
mod tests {
    use super::Format;
    use crate::file::{Name, is_of_monitor};

    #[test]
    fn files_of_monitors_are_known_again_in_each_format() {
        for format in Format::ALL {
            let name = Name::Sequence { writer: "host-1-0".into(), millis: 1, number: 1 };
            let name = format!("{name}{}", format.extension());
            assert!(is_of_monitor(&name), "{name}");
        }
    }
}
