//! What every target asks of what was read.

use heap_profile_core::format::error::Result;
use heap_profile_core::format::{self, Format};
use heap_profile_core::profile::Profile;

/// A profile that was read must be writable in each format; and where that format can be read, its
/// bytes must be read and written as they are.
pub fn check(read: Result<Profile>) {
    let Ok(profile) = read else { return };
    for format in Format::ALL {
        let bytes = encode(&profile, format);
        if format == Format::Folded {
            continue;
        }
        match format::read(bytes.as_slice()) {
            Ok(again) => assert_same(format, &bytes, &encode(&again, format)),
            Err(error) => panic!("{format:?} that we wrote: {error}\n{}", show(format, &bytes)),
        }
    }
}

fn encode(profile: &Profile, format: Format) -> Vec<u8> {
    let mut bytes = Vec::new();
    format.write(profile, &mut bytes).expect("memory takes what is written to it");
    bytes
}

fn assert_same(format: Format, written: &[u8], again: &[u8]) {
    if written != again {
        panic!(
            "{format:?}:\n{}\nwas read and written as\n{}",
            show(format, written),
            show(format, again)
        );
    }
}

fn show(format: Format, bytes: &[u8]) -> String {
    match format {
        Format::Pprof => {
            let mut plain = Vec::new();
            let mut gzip = flate2::read::GzDecoder::new(bytes);
            std::io::Read::read_to_end(&mut gzip, &mut plain).expect("gzip of ours");
            plain.escape_ascii().to_string()
        }
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}
