//! Names of new files, which say a time and have a number that is counted up until the name is free.

use std::fmt;

use chrono::{DateTime, NaiveDateTime};

const PREFIX: &str = "heap-profile-";

/// Of UTC, so that names of one writer are in the order of time.
const TIME: &str = "%Y%m%dT%H%M%S%3fZ";

/// How names end; crates/core/src/format has a test that these are all.
const ENDINGS: [&str; 3] = [".heapprofile", ".pb.gz", ".folded"];

/// A name without its ending.
#[derive(Clone, Debug, PartialEq)]
pub enum Name {
    /// `heap-profile-1795343608489`: milliseconds since 1970.
    Millis(u64),
    /// `heap-profile-web1-4711-0-20261115T031502123Z-7`, which monitors give.
    Sequence {
        /// Host, process id and thread id, with dashes between them.
        writer: String,
        /// Milliseconds since 1970.
        millis: u64,
        /// The writer's number of the file.
        number: u64,
    },
}

impl Name {
    /// The one to try when this one is taken.
    pub fn next(self) -> Name {
        match self {
            Name::Millis(millis) => Name::Millis(millis + 1),
            Name::Sequence { writer, millis, number } => {
                Name::Sequence { writer, millis, number: number + 1 }
            }
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Millis(millis) => write!(out, "{PREFIX}{millis}"),
            Name::Sequence { writer, millis, number } => {
                let time = i64::try_from(*millis).ok().and_then(DateTime::from_timestamp_millis);
                let time = time.unwrap_or_default().format(TIME);
                write!(out, "{PREFIX}{writer}-{time}-{number}")
            }
        }
    }
}

/// Whether a file's name is one that a monitor gave.
pub fn is_of_monitor(name: &str) -> bool {
    let rest = name.strip_prefix(PREFIX).unwrap_or("");
    let stem = ENDINGS.iter().find_map(|ending| rest.strip_suffix(ending)).unwrap_or("");
    // From the end, as there may be dashes in a host's name.
    let parts: Vec<&str> = stem.rsplitn(5, '-').collect();
    let [number, time, thread, pid, host] = parts[..] else { return false };
    !host.is_empty()
        && [number, thread, pid].iter().all(|part| is_number(part))
        && time.len() == "20261115T031502123Z".len()
        && NaiveDateTime::parse_from_str(time, TIME).is_ok()
}

fn is_number(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(writer: &str, millis: u64, number: u64) -> Name {
        Name::Sequence { writer: writer.into(), millis, number }
    }

    #[test]
    fn names_say_their_parts_and_are_known_again() {
        let name = sequence("web-7f9c-1-0", 1_794_712_502_123, 7);
        assert_eq!(name.to_string(), "heap-profile-web-7f9c-1-0-20261115T031502123Z-7");
        assert!(is_of_monitor(&format!("{name}.pb.gz")));
        assert!(name.next().to_string().ends_with("-8"));
        // Whatever a clock says.
        for millis in [0, u64::MAX] {
            let name = sequence("h-1-0", millis, 0);
            assert!(is_of_monitor(&format!("{name}.heapprofile")), "{name}");
        }
    }

    #[test]
    fn no_other_name_is_taken_for_one() {
        for name in [
            "heap-profile-1795343608489.heapprofile",
            "heap-profile-web-1-0-20261115T031502123Z-7",
            "heap-profile-web-1-0-20261115T031502123Z-7.html",
            "heap-profile-web-1-0-20261115T031502123Z-7.heapprofile.moved",
            "heap-profile-web-1-0-20261315T031502123Z-7.heapprofile",
            "heap-profile-web-1-0-20261115T0315021234Z-7.heapprofile",
            "heap-profile-web-1-0-1795343608489-7.heapprofile",
            "heap-profile-web-1-x-20261115T031502123Z-7.heapprofile",
            "heap-profile-web-1-0-20261115T031502123Z-.heapprofile",
            "heap-profile-1-0-20261115T031502123Z-7.heapprofile",
            "heap-profile--1-0-20261115T031502123Z-7.heapprofile",
            "a-heap-profile-web-1-0-20261115T031502123Z-7.heapprofile",
            "",
        ] {
            assert!(!is_of_monitor(name), "{name}");
        }
    }
}
