//! Stages content that is not complete yet.
//!
//! Every open store has a locked directory of its own below `uploads/`. A directory whose lock is free was left by a
//! killed process; opening a store removes it. Invariant: content is synced and then renamed, and the directory of the
//! new name is synced before the call returns.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::durable::{copy, found, make_parent, remove, sync_parent};

const LOCK: &str = "lock";
/// Age at which leftovers without a usable lock are removed.
const LEFTOVERS_KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// Another process may remove a directory in the moment before it is locked.
const TRIES: usize = 10;

/// The staging directory of one open store.
#[derive(Debug)]
pub(crate) struct Staging {
    directory: PathBuf,
    _lock: File,
}

/// The path of content that is not complete yet; removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Staged(PathBuf);

impl Staging {
    /// Removes leftovers below `uploads` and creates a directory there.
    pub(crate) fn open(uploads: &Path) -> io::Result<Self> {
        fs::create_dir_all(uploads)?;
        remove_leftovers(uploads)?;
        let mut made = Self::make(uploads);
        for _ in 1..TRIES {
            match made {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    made = Self::make(uploads);
                }
                made => return made,
            }
        }
        made
    }

    fn make(uploads: &Path) -> io::Result<Self> {
        let directory = uploads.join(random_name());
        fs::create_dir(&directory)?;
        let lock = File::create_new(directory.join(LOCK))?;
        match lock.try_lock() {
            // Another process holds it and is about to remove the directory.
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::NotFound.into()),
            // Without locks, leftovers are recognized by their age.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        fs::metadata(directory.join(LOCK))?;
        Ok(Self {
            directory,
            _lock: lock,
        })
    }

    pub(crate) fn stage(&self) -> Staged {
        Staged(self.directory.join(random_name()))
    }

    /// The files there are, apart from the lock.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        fs::read_dir(&self.directory).unwrap().count() - 1
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let _left_for_the_next = fs::remove_dir_all(&self.directory);
    }
}

impl Staged {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Syncs the content and renames it to `target`, replacing an older file.
    pub(crate) fn settle(&self, target: &Path) -> io::Result<()> {
        self.settle_by(target, |from, to| fs::rename(from, to))
    }

    fn settle_by(
        &self,
        target: &Path,
        rename: impl Fn(&Path, &Path) -> io::Result<()>,
    ) -> io::Result<()> {
        File::open(&self.0)?.sync_data()?;
        make_parent(target)?;
        match rename(&self.0, target) {
            // `uploads` and `repositories` are on different file systems.
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                let beside = Self(target.with_file_name(format!(".{}", random_name())));
                copy(&self.0, &beside.0)?;
                rename(&beside.0, target)?;
            }
            renamed => renamed?,
        }
        sync_parent(target)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        let _absent_when_settled = fs::remove_file(&self.0);
    }
}

fn remove_leftovers(uploads: &Path) -> io::Result<()> {
    for entry in fs::read_dir(uploads)? {
        let entry = entry?;
        // Another process may remove the same.
        let Some(metadata) = found(entry.metadata())? else {
            continue;
        };
        let path = entry.path();
        if metadata.is_dir() {
            // Held until the directory is removed, so that no other process uses it.
            let lock = found(File::open(path.join(LOCK)))?;
            if is_abandoned(lock.as_ref(), &metadata) {
                found(fs::remove_dir_all(&path))?;
            }
        } else if is_old(&metadata) {
            remove(&path)?;
        }
    }
    Ok(())
}

/// Whether nobody uses a staging directory any more; takes its lock if so.
fn is_abandoned(lock: Option<&File>, metadata: &fs::Metadata) -> bool {
    match lock.map(File::try_lock) {
        Some(Ok(())) => true,
        Some(Err(TryLockError::WouldBlock)) => false,
        // Created just now, or on a file system without locks.
        Some(Err(TryLockError::Error(_))) | None => is_old(metadata),
    }
}

fn is_old(metadata: &fs::Metadata) -> bool {
    let age = metadata
        .modified()
        .map(|modified| SystemTime::now().duration_since(modified));
    matches!(age, Ok(Ok(age)) if age > LEFTOVERS_KEPT)
}

fn random_name() -> String {
    format!("{:032x}", rand::random::<u128>())
}

#[cfg(test)]
mod tests {
    use super::{super::durable::SYNCED, *};

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
        entries
            .map(|entry| name(entry).into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_name_and_the_directories_above_it_are_synced() {
        let root = tempfile::tempdir().unwrap();
        let staging = Staging::open(&root.path().join("uploads")).unwrap();
        let staged = staging.stage();
        fs::write(staged.path(), "content").unwrap();
        SYNCED.with_borrow_mut(Vec::clear);
        staged.settle(&root.path().join("a/b/name")).unwrap();
        let at = |path: &str| root.path().join(path);
        assert_eq!(SYNCED.take(), [root.path().to_owned(), at("a"), at("a/b")]);
    }

    #[test]
    fn content_gets_its_name_on_another_file_system_too() {
        let root = tempfile::tempdir().unwrap();
        let staging = Staging::open(&root.path().join("uploads")).unwrap();
        let target = root.path().join("there/name");
        let across = |from: &Path, to: &Path| match from.parent() == to.parent() {
            true => fs::rename(from, to),
            false => Err(io::ErrorKind::CrossesDevices.into()),
        };
        let staged = staging.stage();
        fs::write(staged.path(), "content").unwrap();
        staged.settle_by(&target, across).unwrap();
        assert_eq!(
            SYNCED.take().last(),
            target.parent().map(Path::to_owned).as_ref()
        );
        assert_eq!(fs::read_to_string(&target).unwrap(), "content");
        assert_eq!(names(&root.path().join("there")), ["name"]);

        // A failure leaves no file under the final name.
        let never = |_: &Path, _: &Path| Err(io::ErrorKind::CrossesDevices.into());
        let other = root.path().join("there/other");
        staged.settle_by(&other, never).unwrap_err();
        fs::write(staged.path(), "content").unwrap();
        staged.settle_by(&other, never).unwrap_err();
        assert_eq!(names(&root.path().join("there")), ["name"]);
    }

    #[test]
    fn what_a_killed_process_left_is_gone_after_the_next_start_and_what_is_in_use_stays() {
        let root = tempfile::tempdir().unwrap();
        let uploads = root.path().join("uploads");
        let used = Staging::open(&uploads).unwrap();
        let staged = used.stage();
        fs::write(staged.path(), "content").unwrap();
        // As a killed process leaves it: a lock file that nobody holds.
        let left = uploads.join("left");
        fs::create_dir(&left).unwrap();
        fs::write(left.join(LOCK), "").unwrap();
        fs::write(left.join("content"), "content").unwrap();
        let next = Staging::open(&uploads).unwrap();
        assert!(!left.exists() && staged.path().exists());
        drop(next);
        drop(staged);
        drop(used);
        assert!(names(&uploads).is_empty());
    }

    #[test]
    fn files_of_another_layout_go_when_they_are_old() {
        let root = tempfile::tempdir().unwrap();
        let (old, new) = (root.path().join("old"), root.path().join("new"));
        for path in [&old, &new] {
            fs::write(path, "content").unwrap();
        }
        let yesterday = SystemTime::now() - LEFTOVERS_KEPT * 2;
        let file = File::options().write(true).open(&old).unwrap();
        file.set_modified(yesterday).unwrap();
        let _staging = Staging::open(root.path()).unwrap();
        assert!(!old.exists() && new.exists());
    }
}
