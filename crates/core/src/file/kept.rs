//! The newest files of this process: of those that are counted, the older ones are removed.

use std::collections::VecDeque;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A file that was counted. By the numbers it is told from another that has its name by now.
#[derive(Debug, PartialEq)]
struct Written {
    path: PathBuf,
    device: u64,
    inode: u64,
}

/// The oldest first, of all threads.
static WRITTEN: Mutex<VecDeque<Written>> = Mutex::new(VecDeque::new());

/// Counts a file that was written, and removes the oldest of those that were counted until `count` are
/// left. That it cannot is nobody's problem.
pub fn keep_newest(path: &Path, file: &File, count: usize) {
    let Ok(metadata) = file.metadata() else { return };
    let surplus: Vec<Written> = {
        let mut written = WRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
        written.push_back(Written::new(path, &metadata));
        let surplus = written.len().saturating_sub(count);
        written.drain(..surplus).collect()
    };
    for written in surplus {
        let _ = written.remove();
    }
}

impl Written {
    fn new(path: &Path, metadata: &Metadata) -> Written {
        Written { path: path.to_owned(), device: metadata.dev(), inode: metadata.ino() }
    }

    /// Removes it, if what stands there is still the file that was written: no link is followed.
    fn remove(&self) -> io::Result<()> {
        let metadata = fs::symlink_metadata(&self.path)?;
        if Written::new(&self.path, &metadata) == *self {
            fs::remove_file(&self.path)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use tempfile::TempDir;

    #[test]
    fn only_files_that_are_still_those_written_are_removed() {
        let directory = TempDir::new().unwrap();
        let at = |name: &str| directory.path().join(name);
        let write = |name: &str| {
            let file = File::create(at(name)).unwrap();
            keep_newest(&at(name), &file, 2);
        };
        fs::write(at("foreign"), "").unwrap();
        for name in ["replaced", "linked", "moved", "gone", "old", "new", "newest"] {
            match name {
                // While the two before are still kept.
                "moved" => {
                    fs::rename(at("replaced"), at("elsewhere")).unwrap();
                    fs::write(at("replaced"), "of somebody else").unwrap();
                    fs::rename(at("linked"), at("aside")).unwrap();
                    symlink(at("aside"), at("linked")).unwrap();
                }
                "old" => fs::remove_file(at("gone")).unwrap(),
                _ => {}
            }
            write(name);
        }
        let mut names: Vec<_> = fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let expected = ["aside", "elsewhere", "foreign", "linked", "new", "newest", "replaced"];
        assert_eq!(names, expected);
    }
}
