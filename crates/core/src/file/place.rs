//! What stands at a path: a file to read or to replace, a pipe to write into, or what is neither.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

/// As many links as Linux follows.
const MAX_LINKS: usize = 40;

/// Where what is written to a path goes.
pub enum Place {
    /// A regular file, or where one can be made.
    File(PathBuf),
    /// A pipe with a reader.
    Pipe(File),
}

/// Where what is written to `path` goes. Symbolic links are followed, so that it is not a link that is
/// replaced, also if they lead to a file that is not there yet. A rename would replace devices and
/// sockets as well: they are refused.
pub fn find(path: &Path) -> io::Result<Place> {
    if is_directory_name(path.as_os_str()) {
        return Err(Errno::ISDIR.into());
    }
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return missing(path).map(Place::File);
        }
        Err(error) => return Err(error),
    };
    let kind = found.file_type();
    if kind.is_dir() {
        Err(Errno::ISDIR.into())
    } else if kind.is_file() {
        existing(path, found).map(Place::File)
    } else if kind.is_fifo() {
        open_pipe(path).map(Place::Pipe)
    } else {
        Err(Errno::INVAL.into())
    }
}

/// The path of a file without links in it.
fn existing(path: &Path, mut found: Metadata) -> io::Result<PathBuf> {
    loop {
        let place = fs::canonicalize(path)?;
        if is_same(&fs::metadata(&place)?, &found) {
            return Ok(place);
        }
        // Another writer may have replaced the file meanwhile. A link of /proc to a file that was
        // deleted stays what it is, and has a text that leads elsewhere.
        let now = fs::metadata(path)?;
        if is_same(&now, &found) {
            return Err(Errno::NOENT.into());
        }
        found = now;
    }
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Where a file would be made. Only the last name is looked at: the system follows the others, `..`
/// behind a link too.
fn missing(path: &Path) -> io::Result<PathBuf> {
    let mut place = path.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(target) = fs::read_link(&place) else { return Ok(place) };
        if is_directory_name(target.as_os_str()) {
            return Err(Errno::ISDIR.into());
        }
        place = directory_of(&place).join(target);
    }
    Err(Errno::LOOP.into())
}

fn is_directory_name(name: &OsStr) -> bool {
    name.as_bytes().ends_with(b"/")
}

/// The directory that a file is in.
pub fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => Path::new("/"),
    }
}

/// Does not wait for a reader; writing waits for it then.
fn open_pipe(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits() as i32;
    let pipe = File::options().write(true).custom_flags(flags).open(path)?;
    // Something else may stand there by now.
    if !pipe.metadata()?.file_type().is_fifo() {
        return Err(Errno::INVAL.into());
    }
    fcntl_setfl(&pipe, fcntl_getfl(&pipe)? - OFlags::NONBLOCK)?;
    Ok(pipe)
}

/// Opens a regular file. Nothing else is opened if it can be helped, as with a device that may have
/// effects; and nothing is waited for, as with a pipe that may have no writer.
pub fn open(path: &Path) -> io::Result<(File, Metadata)> {
    check_regular(&fs::metadata(path)?)?;
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits() as i32;
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    check_regular(&metadata)?;
    Ok((file, metadata))
}

fn check_regular(metadata: &Metadata) -> io::Result<()> {
    let kind = match metadata.file_type() {
        kind if kind.is_file() => return Ok(()),
        kind if kind.is_dir() => io::ErrorKind::IsADirectory,
        _ => io::ErrorKind::Other,
    };
    Err(io::Error::new(kind, "it is not a regular file"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, Mode, mkfifoat};
    use std::io::{Read, Write};
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use tempfile::TempDir;

    fn file_at(path: &Path) -> PathBuf {
        match find(path).unwrap() {
            Place::File(place) => place,
            Place::Pipe(_) => panic!("{} is a pipe", path.display()),
        }
    }

    fn error_at(path: &Path) -> Option<Errno> {
        find(path).err().and_then(|error| Errno::from_io_error(&error))
    }

    #[test]
    fn links_are_followed_to_what_is_not_there_yet() {
        let directory = TempDir::new().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::create_dir(at("inner")).unwrap();
        symlink("inner/../there", at("relative")).unwrap();
        symlink(at("relative"), at("absolute")).unwrap();
        symlink("nowhere/there", at("astray")).unwrap();
        symlink("there/", at("directory")).unwrap();
        symlink("loop", at("loop")).unwrap();
        for name in ["relative", "absolute"] {
            assert_eq!(file_at(&at(name)), at("inner/../there"));
        }
        // The directory is missing, which is for the system to say.
        assert_eq!(file_at(&at("astray")), at("nowhere/there"));
        assert_eq!(error_at(&at("directory")), Some(Errno::ISDIR));
        assert_eq!(error_at(&at("loop")), Some(Errno::LOOP));
        assert_eq!(error_at(&at("new/")), Some(Errno::ISDIR));
        fs::write(at("file"), "").unwrap();
        assert_eq!(error_at(&at("file/new")), Some(Errno::NOTDIR));
    }

    #[test]
    fn a_parent_is_that_of_the_directory_and_not_of_the_link() {
        let directory = TempDir::new().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::create_dir_all(at("far/away")).unwrap();
        symlink("far/away", at("link")).unwrap();
        fs::write(at("far/file"), "").unwrap();
        assert_eq!(file_at(&at("link/../file")), at("far/file").canonicalize().unwrap());
        assert_eq!(file_at(&at("link/../new")), at("link/../new"));
    }

    #[test]
    fn what_a_rename_would_replace_is_refused() {
        let directory = TempDir::new().unwrap();
        let socket = directory.path().join("socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        for path in [socket.as_path(), Path::new("/dev/null"), Path::new("/dev/zero")] {
            assert_eq!(error_at(path), Some(Errno::INVAL), "{}", path.display());
        }
        assert_eq!(error_at(directory.path()), Some(Errno::ISDIR));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_was_deleted_is_not_made_again() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("file");
        let file = File::create(&path).unwrap();
        let link = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        assert_eq!(file_at(&link), path.canonicalize().unwrap());
        fs::remove_file(&path).unwrap();
        assert_eq!(error_at(&link), Some(Errno::NOENT));
        fs::write(directory.path().join("file (deleted)"), "").unwrap();
        assert_eq!(error_at(&link), Some(Errno::NOENT));
    }

    #[test]
    fn a_pipe_without_a_reader_is_an_error_and_with_one_is_written_to() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("pipe");
        mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR).unwrap();
        assert_eq!(error_at(&path), Some(Errno::NXIO));
        assert_eq!(open(&path).unwrap_err().to_string(), "it is not a regular file");
        let reader = std::thread::spawn({
            let path = path.clone();
            move || {
                let mut text = Vec::new();
                File::open(path).unwrap().read_to_end(&mut text).unwrap();
                text.len()
            }
        });
        let mut pipe = loop {
            match find(&path) {
                Ok(Place::Pipe(pipe)) => break pipe,
                Ok(Place::File(_)) => panic!("not a pipe"),
                // The reader is not there yet.
                Err(_) => std::thread::yield_now(),
            }
        };
        // More than a pipe holds.
        pipe.write_all(&[b'x'; 1 << 20]).unwrap();
        drop(pipe);
        assert_eq!(reader.join().unwrap(), 1 << 20);
    }
}
