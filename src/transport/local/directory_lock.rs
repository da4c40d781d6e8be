//! The lock that lets one process at a time write into a directory, and the place for content that is not complete.
//!
//! Readers need no lock. All functions block on the disk. Invariant: both are gone from the directory when the lock is
//! dropped, and so is the directory if it is empty then; what a killed process left is removed by the next one.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::LocalErrorCause;
use crate::files::{Staged, Staging};

const LOCK: &str = ".transship.lock";
/// Content is staged on the file system that it will stay on.
const STAGING: &str = ".transship";
/// The holder before may remove the lock in the moment before it is locked.
const TRIES: usize = 10;

/// A directory that this process alone writes.
#[derive(Debug)]
pub(super) struct DirectoryLock {
    // Fields are dropped in this order.
    staging: Staging,
    _lock: HeldLock,
}

#[derive(Debug)]
struct HeldLock {
    directory: PathBuf,
    file: File,
}

impl DirectoryLock {
    /// Locks `directory`, which exists.
    ///
    /// # Errors
    /// `Locked` if another process, or another store of this one, writes to it.
    pub(super) fn acquire(directory: &Path) -> Result<Self, LocalErrorCause> {
        let path = directory.join(LOCK);
        for _ in 0..TRIES {
            let file = File::options()
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(LocalErrorCause::Locked(path)),
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
            if is_same_file(&file, &path)? {
                let lock = HeldLock {
                    directory: directory.to_owned(),
                    file,
                };
                return Ok(Self {
                    staging: Staging::open(&directory.join(STAGING))?,
                    _lock: lock,
                });
            }
        }
        Err(LocalErrorCause::Locked(path))
    }

    /// Whether a file of this name is part of a lock.
    pub(super) fn owns(name: &std::ffi::OsStr) -> bool {
        name == LOCK || name == STAGING
    }

    /// A path for content that is not complete yet; removed when it is dropped.
    pub(super) fn stage(&self) -> Staged {
        self.staging.stage()
    }

    /// Writes a small file in one step, and replaces an older one.
    pub(super) fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let staged = self.stage();
        File::create_new(staged.path())?.write_all(content)?;
        staged.settle(path)
    }
}

impl Drop for HeldLock {
    fn drop(&mut self) {
        // The next one to lock the directory removes what is left.
        let _ = fs::remove_dir(self.directory.join(STAGING));
        let path = self.directory.join(LOCK);
        // After the directory was removed, the file may be another one's.
        if is_same_file(&self.file, &path).unwrap_or(false) {
            let _ = fs::remove_file(path);
        }
        let _ = fs::remove_dir(&self.directory);
    }
}

/// Whether the locked file still has its name.
#[cfg(unix)]
pub(super) fn is_same_file(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;

    let named = crate::files::found(fs::metadata(path))?;
    let inode = file.metadata()?.ino();
    Ok(named.is_some_and(|named| named.ino() == inode))
}

/// A file that is open cannot be removed.
#[cfg(not(unix))]
pub(super) fn is_same_file(_: &File, path: &Path) -> io::Result<bool> {
    fs::exists(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_writer_and_is_left_clean() {
        let directory = tempfile::tempdir().unwrap();
        let lock = DirectoryLock::acquire(directory.path()).unwrap();
        let staged = lock.stage();
        fs::write(staged.path(), "half").unwrap();
        let error = DirectoryLock::acquire(directory.path()).unwrap_err();
        let problem = error.to_string();
        assert!(problem.contains(".transship.lock"), "{problem}");
        drop(staged);
        drop(lock);
        assert!(!directory.path().exists());
        fs::create_dir(directory.path()).unwrap();
        fs::write(directory.path().join("content"), "").unwrap();
        drop(DirectoryLock::acquire(directory.path()).unwrap());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_process_left_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let left = directory.path().join(STAGING).join("left");
        fs::create_dir_all(&left).unwrap();
        fs::write(left.join("lock"), "").unwrap();
        fs::write(left.join("half a blob"), "half").unwrap();
        fs::write(directory.path().join(LOCK), "").unwrap();
        fs::write(directory.path().join("content"), "").unwrap();
        let lock = DirectoryLock::acquire(directory.path()).unwrap();
        assert!(!left.exists());
        drop(lock);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
