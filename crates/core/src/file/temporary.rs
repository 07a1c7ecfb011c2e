//! Temporary files. Those of killed processes are removed by the next writer to their directory.
//!
//! A writer locks its file (flock(2)), and the kernel ends the lock with the process, whichever way that
//! ends. So a file that can be locked is nobody's. Whether a process of that id is alive says less: of
//! containers that share a directory each has a process 1. Where a file system has no locks,
//! files stay. The id is in the name for people.

use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use tempfile::{Builder, NamedTempFile};

const PREFIX: &str = ".heap-profile-";
const SUFFIX: &str = ".tmp";
const RANDOM_CHARACTERS: usize = 6;

/// A new file, for nobody but its owner. It is removed when it is dropped.
pub fn create(directory: &Path) -> io::Result<NamedTempFile> {
    loop {
        let file = Builder::new()
            .prefix(&format!("{PREFIX}{}-", std::process::id()))
            .suffix(SUFFIX)
            .rand_bytes(RANDOM_CHARACTERS)
            .make_in(directory, open_new)?;
        // Another writer may have taken it for an abandoned one before it was locked.
        let is_taken = lock(file.as_file()) == Err(Errno::WOULDBLOCK);
        if !is_taken && file.path().try_exists()? {
            sweep(directory, file.as_file());
            return Ok(file);
        }
    }
}

/// Opens a file that must not exist yet.
fn open_new(path: &Path) -> io::Result<File> {
    File::options().write(true).create_new(true).mode(0o600).open(path)
}

fn lock(file: &File) -> Result<(), Errno> {
    flock(file, FlockOperation::NonBlockingLockExclusive)
}

/// Removes what killed processes of the user who owns `own` left. That it cannot is nobody's problem.
fn sweep(directory: &Path, own: &File) {
    let (Ok(own), Ok(entries)) = (own.metadata(), fs::read_dir(directory)) else { return };
    for entry in entries.flatten() {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && is_temporary(entry.file_name().as_bytes()) {
            let _ = remove_abandoned(&entry.path(), own.uid());
        }
    }
}

/// Whether the name is one of those that [`create`] gives.
fn is_temporary(name: &[u8]) -> bool {
    let middle = name.strip_prefix(PREFIX.as_bytes());
    let Some(middle) = middle.and_then(|rest| rest.strip_suffix(SUFFIX.as_bytes())) else {
        return false;
    };
    let Some(dash) = middle.iter().position(|&byte| byte == b'-') else { return false };
    let (pid, random) = (&middle[..dash], &middle[dash + 1..]);
    !pid.is_empty()
        && pid.iter().all(u8::is_ascii_digit)
        && random.len() == RANDOM_CHARACTERS
        && random.iter().all(u8::is_ascii_alphanumeric)
}

fn remove_abandoned(path: &Path, owner: u32) -> io::Result<()> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
    // For writing, as NFS wants it of those who lock.
    let file = File::options().read(true).write(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() && metadata.uid() == owner {
        lock(&file)?;
        fs::remove_file(path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use tempfile::TempDir;

    #[test]
    fn what_nobody_has_locked_is_swept_and_nothing_else() {
        let directory = TempDir::new().unwrap();
        let at = |name: &str| directory.path().join(name);
        let alive = create(directory.path()).unwrap();
        let others = [
            "a.heapprofile",
            ".heap-profile-x-abcdef.tmp",
            ".heap-profile-17-abcdefg.tmp",
            ".heap-profile--abcdef.tmp",
            ".heap-profile-abcdef.tmp",
            ".heap-profile-17-abc/ef.tmp",
            "x.heap-profile-17-abcdef.tmp",
        ];
        let others = others.map(|name| name.replace('/', "."));
        for name in &others {
            fs::write(at(name), "").unwrap();
        }
        symlink(at("a.heapprofile"), at(".heap-profile-17-LinkLi.tmp")).unwrap();
        fs::create_dir(at(".heap-profile-17-direct.tmp")).unwrap();
        // Of our own process, as it is of a container's that was started again.
        let abandoned = at(&format!(".heap-profile-{}-Ab12Cd.tmp", std::process::id()));
        fs::write(&abandoned, "half").unwrap();
        let another = create(directory.path()).unwrap();
        assert!(!abandoned.exists());
        assert!(alive.path().exists() && another.path().exists());
        assert!(others.iter().all(|name| at(name).exists()));
        assert!(at(".heap-profile-17-LinkLi.tmp").is_symlink());
        assert!(at(".heap-profile-17-direct.tmp").is_dir());
    }

    #[test]
    fn writers_leave_each_other_alone() {
        let directory = TempDir::new().unwrap();
        let write = || {
            for _ in 0..200 {
                let file = create(directory.path()).unwrap();
                assert!(file.path().exists());
                file.persist(directory.path().join("a")).unwrap();
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(write);
            }
        });
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
