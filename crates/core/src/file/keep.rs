//! What stays of the files that monitors wrote into a directory, of all processes that share it.
//!
//! Clocks jump. A file whose time lies ahead was written while the clock was wrong and counts as the
//! oldest, so that it does not outlive what is written after; and when a clock jumps ahead nothing ages by
//! more than the time for which this process has run.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use super::name::is_of_monitor;
use super::place::directory_of;

/// Clocks of machines that share a directory differ by so much.
const SLACK: Duration = Duration::from_secs(60);

/// Bounds on the files of a directory; without any, all stay. The newest one stays whatever they say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keep {
    /// How many.
    pub files: Option<usize>,
    /// How many bytes they have together.
    pub bytes: Option<u64>,
    /// How old they are at most.
    pub age: Option<Duration>,
}

/// A file as it was when it was looked at.
#[derive(Debug)]
struct Found {
    path: PathBuf,
    device: u64,
    inode: u64,
    bytes: u64,
    modified: SystemTime,
}

/// What clocks say.
#[derive(Clone, Copy)]
struct Now {
    time: SystemTime,
    /// The time, or less of it if the clock was put forward since it was first asked for here.
    for_ages: SystemTime,
}

impl Keep {
    /// Removes what is too much beside a file that was just written: regular files of its owner that have
    /// names of monitors, the oldest first. That it cannot is nobody's problem.
    pub fn tidy(&self, path: &Path, file: &File) {
        let now = Now::ask();
        if self.files.is_none() && self.bytes.is_none() && self.age.is_none() {
            return;
        }
        let Ok(own) = file.metadata() else { return };
        let Ok(others) = others(directory_of(path), &own) else { return };
        for surplus in self.surplus(others, own.len(), now) {
            let _ = surplus.remove();
        }
    }

    /// Which of the others go, beside a new file of so many bytes.
    fn surplus(&self, mut others: Vec<Found>, new_bytes: u64, now: Now) -> Vec<Found> {
        let latest = now.time + SLACK;
        // The newest last, as of equal times the one whose name says more.
        others.sort_by(|one, other| {
            let key = |found: &Found| (found.modified <= latest, found.modified);
            key(one).cmp(&key(other)).then_with(|| one.path.cmp(&other.path))
        });
        let (mut files, mut bytes) = (1, new_bytes);
        let stays = others.iter().rev().take_while(|found| {
            files += 1;
            bytes = bytes.saturating_add(found.bytes);
            let age = now.for_ages.duration_since(found.modified).unwrap_or_default();
            self.files.is_none_or(|most| files <= most)
                && self.bytes.is_none_or(|most| bytes <= most)
                && self.age.is_none_or(|most| age <= most)
        });
        let count = stays.count();
        others.truncate(others.len() - count);
        others
    }
}

/// Those of the directory, but for the one that was just written.
fn others(directory: &Path, own: &Metadata) -> io::Result<Vec<Found>> {
    let mut others = Vec::new();
    for entry in fs::read_dir(directory)?.flatten() {
        if !entry.file_name().to_str().is_some_and(is_of_monitor) {
            continue;
        }
        // Of a link it is the link's own.
        let Ok(metadata) = entry.metadata() else { continue };
        let is_own = (metadata.dev(), metadata.ino()) == (own.dev(), own.ino());
        if metadata.is_file() && metadata.uid() == own.uid() && !is_own {
            others.push(Found::new(entry.path(), &metadata));
        }
    }
    Ok(others)
}

impl Found {
    fn new(path: PathBuf, metadata: &Metadata) -> Found {
        let (device, inode, bytes) = (metadata.dev(), metadata.ino(), metadata.len());
        let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        Found { path, device, inode, bytes, modified }
    }

    /// Removes it, if it is that file still.
    fn remove(&self) -> io::Result<()> {
        let now = fs::symlink_metadata(&self.path)?;
        if (now.dev(), now.ino()) == (self.device, self.inode) {
            fs::remove_file(&self.path)?;
        }
        Ok(())
    }
}

impl Now {
    fn ask() -> Now {
        static START: OnceLock<(SystemTime, Instant)> = OnceLock::new();
        let (start, started) = START.get_or_init(|| (SystemTime::now(), Instant::now()));
        Now::of(SystemTime::now(), *start + started.elapsed())
    }

    /// The clock's time, and what it would be had it not been put forward or back.
    fn of(time: SystemTime, expected: SystemTime) -> Now {
        Now { time, for_ages: time.min(expected + SLACK) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use tempfile::TempDir;

    const HOUR: Duration = Duration::from_secs(3600);
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

    /// When the tests are.
    fn noon() -> SystemTime {
        SystemTime::UNIX_EPOCH + 56 * YEAR
    }

    /// A file of 10 bytes, so many hours old; newer than now if that is negative.
    fn found(name: &str, hours: i32) -> Found {
        let span = HOUR * hours.unsigned_abs();
        let modified = if hours < 0 { noon() + span } else { noon() - span };
        Found { path: name.into(), device: 1, inode: 1, bytes: 10, modified }
    }

    /// The names of those that go, beside a new file of 10 bytes.
    fn removed(keep: Keep, files: &[(&str, i32)], expected: SystemTime) -> Vec<String> {
        let others = files.iter().map(|(name, hours)| found(name, *hours)).collect();
        let surplus = keep.surplus(others, 10, Now::of(noon(), expected));
        surplus.iter().map(|found| found.path.to_string_lossy().into_owned()).collect()
    }

    const FILES: [(&str, i32); 4] = [("b", 2), ("d", 4), ("a", 1), ("c", 3)];

    #[test]
    fn the_oldest_go_by_number_bytes_and_age() {
        let by = |keep| removed(keep, &FILES, noon());
        assert_eq!(by(Keep { files: Some(3), ..Keep::default() }), ["d", "c"]);
        assert_eq!(by(Keep { bytes: Some(45), ..Keep::default() }), ["d"]);
        assert_eq!(by(Keep { age: Some(HOUR * 2), ..Keep::default() }), ["d", "c"]);
        // The new one stays.
        assert_eq!(by(Keep { bytes: Some(1), ..Keep::default() }), ["d", "c", "b", "a"]);
        assert_eq!(by(Keep::default()), [""; 0]);
    }

    #[test]
    fn of_equal_times_the_name_decides() {
        let keep = Keep { files: Some(2), ..Keep::default() };
        assert_eq!(removed(keep, &[("7", 1), ("8", 1)], noon()), ["7"]);
    }

    #[test]
    fn what_lies_ahead_goes_before_what_is_old() {
        let keep = Keep { files: Some(2), ..Keep::default() };
        let files = [("ahead", -24), ("old", 24), ("new", 1)];
        assert_eq!(removed(keep, &files, noon()), ["ahead", "old"]);
    }

    #[test]
    fn a_clock_that_is_put_forward_ages_nothing() {
        let keep = Keep { age: Some(HOUR * 30), ..Keep::default() };
        let files = [("a", 24 * 365), ("b", 24 * 365 + 29), ("c", 24 * 365 + 31)];
        assert_eq!(removed(keep, &files, noon() - YEAR), ["c"]);
    }

    #[test]
    fn only_files_of_monitors_are_removed() {
        let directory = TempDir::new().unwrap();
        let at = |name: &str| directory.path().join(name);
        let name = |number| format!("heap-profile-h-1-0-20261115T031502123Z-{number}.heapprofile");
        for foreign in ["heap-profile-1.heapprofile", "a.pb.gz", &format!("{}.old", name(1))] {
            fs::write(at(foreign), "").unwrap();
        }
        symlink(at("a.pb.gz"), at(&name(2))).unwrap();
        fs::create_dir(at(&name(3))).unwrap();
        fs::write(at(&name(4)), "").unwrap();
        fs::write(at(&name(5)), "").unwrap();
        let new = File::create(at(&name(6))).unwrap();
        Keep { files: Some(1), ..Keep::default() }.tidy(&at(&name(6)), &new);
        let entries = fs::read_dir(directory.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        let expected = ["a.pb.gz", "heap-profile-1.heapprofile"]
            .map(String::from)
            .into_iter()
            .chain([format!("{}.old", name(1)), name(2), name(3), name(6)]);
        assert_eq!(names, expected.collect::<Vec<_>>());
    }
}
