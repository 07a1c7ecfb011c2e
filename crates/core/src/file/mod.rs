//! Files that are whole or not there: written beside their place, synced, then moved into it.

mod keep;
mod name;
mod place;
mod temporary;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use place::{Place, directory_of};
use rustix::fs::{Access, access};
use tempfile::NamedTempFile;

pub use keep::Keep;
pub use name::{Name, is_of_monitor};
pub use place::open;

/// Large enough that a system call per buffer costs nothing, small enough for any heap.
pub const BUFFER_BYTES: usize = 256 * 1024;

/// An I/O error with what Node's file errors carry.
#[derive(Debug)]
pub struct FileError {
    /// The cause.
    pub error: io::Error,
    /// The system call, as Node names it: `open`, `read`, `write`, `fsync` or `rename`.
    pub syscall: &'static str,
    /// The path that the caller knows, not that of the temporary file.
    pub path: PathBuf,
}

/// Where a file goes.
#[derive(Clone, Debug)]
pub enum Target {
    /// To this path; a file that was there is replaced, a pipe is written into.
    Path(PathBuf),
    /// Into this directory under a name that no other writer has; nothing is ever replaced.
    Directory {
        /// The directory.
        directory: PathBuf,
        /// The name without its ending; its number is counted up until it is free.
        name: Name,
        /// How the name ends.
        extension: &'static str,
        /// What stays of the files with names of monitors.
        keep: Keep,
    },
}

/// Writes what `encode` produces to a file of mode 0600 and returns its path. On an error, and at
/// any crash, the final name holds what it held before; the temporary file is removed if the
/// process lives.
pub fn write(
    target: &Target,
    encode: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> Result<PathBuf, FileError> {
    match target {
        Target::Path(path) => write_to(path, encode),
        Target::Directory { directory, name, extension, keep } => {
            let path = |name: &Name| directory.join(format!("{name}{extension}"));
            let (path, file) = write_new(path, name.clone(), encode)?;
            keep.tidy(&path, &file);
            Ok(path)
        }
    }
}

/// Fails where [`write()`] to this path would fail now, as far as can be told without making a file.
pub fn check(path: &Path) -> Result<(), FileError> {
    // Opening one and closing it again would be the end of the file for its reader.
    if fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo()) {
        return Ok(());
    }
    match place::find(path).map_err(failed("open", path))? {
        Place::File(place) => {
            let allowed = access(directory_of(&place), Access::WRITE_OK | Access::EXEC_OK);
            allowed.map_err(|error| failed("open", path)(error.into()))
        }
        Place::Pipe(_) => Ok(()),
    }
}

fn write_to(
    path: &Path,
    encode: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> Result<PathBuf, FileError> {
    match place::find(path).map_err(failed("open", path))? {
        Place::File(place) => {
            let file = fill(&place, path, encode)?;
            file.persist(&place).map_err(|error| failed("rename", path)(error.error))?;
            sync_directory(&place);
        }
        Place::Pipe(pipe) => write_out(&pipe, path, encode)?,
    }
    Ok(path.to_owned())
}

fn write_new(
    path_of: impl Fn(&Name) -> PathBuf,
    mut name: Name,
    encode: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> Result<(PathBuf, File), FileError> {
    let mut file = fill(&path_of(&name), &path_of(&name), encode)?;
    loop {
        let path = path_of(&name);
        match file.persist_noclobber(&path) {
            Ok(file) => {
                sync_directory(&path);
                return Ok((path, file));
            }
            Err(taken) if taken.error.kind() == io::ErrorKind::AlreadyExists => {
                file = taken.file;
                name = name.next();
            }
            Err(other) => return Err(failed("rename", &path)(other.error)),
        }
    }
}

/// A temporary file in the directory of `place`, complete and synced. It is
/// removed when it is dropped.
fn fill(
    place: &Path,
    path: &Path,
    encode: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> Result<NamedTempFile, FileError> {
    let file = temporary::create(directory_of(place)).map_err(failed("open", path))?;
    write_out(file.as_file(), path, encode)?;
    file.as_file().sync_all().map_err(failed("fsync", path))?;
    Ok(file)
}

fn write_out(
    file: &File,
    path: &Path,
    encode: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> Result<(), FileError> {
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, file);
    encode(&mut out).and_then(|()| out.flush()).map_err(failed("write", path))
}

/// Makes the rename last through a power cut. Not every file system lets a directory be synced;
/// the file is whole either way.
fn sync_directory(path: &Path) {
    let _ = File::open(directory_of(path)).and_then(|directory| directory.sync_all());
}

/// The error of a system call on a path.
pub fn failed(syscall: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
    let path = path.to_owned();
    move |error| FileError { error, syscall, path }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use tempfile::TempDir;

    const EISDIR: i32 = 21;
    const EINVAL: i32 = 22;

    fn names(directory: &TempDir) -> Vec<String> {
        let entries = fs::read_dir(directory.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn put(target: &Target, text: &str) -> Result<PathBuf, FileError> {
        write(target, |out| out.write_all(text.as_bytes()))
    }

    #[test]
    fn replaces_a_file_by_a_private_one() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("a.heapprofile");
        fs::write(&path, "old and longer").unwrap();
        put(&Target::Path(path.clone()), "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(names(&directory), ["a.heapprofile"]);
    }

    #[test]
    fn a_failed_write_leaves_the_previous_file_and_no_other() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("a.heapprofile");
        fs::write(&path, "old").unwrap();
        let failure = write(&Target::Path(path.clone()), |out| {
            out.write_all(&[b'x'; 2 * BUFFER_BYTES])?;
            Err(io::Error::from_raw_os_error(28))
        });
        let failure = failure.unwrap_err();
        assert_eq!((failure.syscall, failure.error.raw_os_error()), ("write", Some(28)));
        assert_eq!(failure.path, path);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(&directory), ["a.heapprofile"]);
    }

    #[test]
    fn new_names_never_collide() {
        let directory = TempDir::new().unwrap();
        let target = Target::Directory {
            directory: directory.path().into(),
            name: Name::Millis(41),
            extension: ".heapprofile",
            keep: Keep::default(),
        };
        for text in ["a", "b", "c"] {
            let path = put(&target, text).unwrap();
            assert_eq!(fs::read_to_string(path).unwrap(), text);
        }
        let expected = [41, 42, 43].map(|millis| format!("heap-profile-{millis}.heapprofile"));
        assert_eq!(names(&directory), expected);
    }

    #[test]
    fn a_missing_directory_is_the_systems_error() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("missing/a.heapprofile");
        let failure = put(&Target::Path(path.clone()), "").unwrap_err();
        assert_eq!((failure.syscall, failure.error.raw_os_error()), ("open", Some(2)));
        assert_eq!(failure.path, path);
    }

    #[test]
    fn a_check_fails_as_a_write_would_and_leaves_nothing() {
        let directory = TempDir::new().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("old"), "old").unwrap();
        for path in [at("new"), at("old"), at("missing/new"), at("old/new"), at(""), at(".")] {
            let checked = check(&path).map_err(|failure| failure.error.raw_os_error());
            assert_eq!(fs::read_to_string(at("old")).unwrap(), "old");
            assert_eq!(names(&directory), ["old"]);
            let written = put(&Target::Path(path.clone()), "old");
            let written = written.map_err(|failure| failure.error.raw_os_error());
            assert_eq!(checked.is_ok(), written.is_ok(), "{}", path.display());
            assert_eq!(checked.err(), written.err());
            let _ = fs::remove_file(at("new"));
        }
        check(Path::new("/dev/null")).unwrap_err();
    }

    #[test]
    fn devices_and_directories_are_not_replaced() {
        let directory = TempDir::new().unwrap();
        let failure = put(&Target::Path(directory.path().into()), "").unwrap_err();
        assert_eq!(failure.error.raw_os_error(), Some(EISDIR));
        let failure = put(&Target::Path("/dev/null".into()), "").unwrap_err();
        assert_eq!(failure.error.raw_os_error(), Some(EINVAL));
    }

    #[test]
    fn writers_of_one_file_replace_what_the_others_wrote() {
        let directory = TempDir::new().unwrap();
        let target = Target::Path(directory.path().join("a.heapprofile"));
        std::thread::scope(|scope| {
            for text in ["a", "b", "c", "d"] {
                let target = &target;
                scope.spawn(move || {
                    for _ in 0..200 {
                        put(target, text).unwrap();
                    }
                });
            }
        });
        assert_eq!(names(&directory), ["a.heapprofile"]);
    }

    #[test]
    fn a_link_stays_and_its_target_is_replaced() {
        let directory = TempDir::new().unwrap();
        let (path, link) = (directory.path().join("real"), directory.path().join("link"));
        fs::write(&path, "old").unwrap();
        symlink(&path, &link).unwrap();
        put(&Target::Path(link.clone()), "new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    }

    #[test]
    fn a_link_that_leads_nowhere_yet_stays_and_its_target_is_made() {
        let directory = TempDir::new().unwrap();
        let link = directory.path().join("link");
        symlink("there", &link).unwrap();
        put(&Target::Path(link.clone()), "new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(directory.path().join("there")).unwrap(), "new");
        assert_eq!(names(&directory), ["link", "there"]);
    }
}
