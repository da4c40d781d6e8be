//! Directories for the files of running calls.
//!
//! Decides their life. Invariant: a directory is removed when its call ends, also when the call is dropped; what a
//! killed process left is removed when the next one opens the same place.

use std::{
    fs::{self, DirBuilder, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

/// The beginning of the names of the directories.
const PREFIX: &str = ".transship-skopeo-";
/// Held by a process as long as its directory is in use.
const LOCK: &str = "lock";
/// Held while directories are made and swept.
const SWEEP_LOCK: &str = ".transship-skopeo.lock";

/// Who may read what is in the directories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    /// This user.
    Owner,
    /// Also a container, whose user may be another one.
    Container,
}

/// A directory of this process below a place that several processes use.
pub(super) struct Scratch {
    directory: TempDir,
    audience: Audience,
    _lock: File,
}

impl Scratch {
    /// Makes a directory below `place`, which is created if it is missing, and removes those of processes that are gone.
    /// Blocks on the disk.
    pub(super) fn open(place: &Path, audience: Audience) -> io::Result<Self> {
        make_directories(place)?;
        let sweeping = File::create(place.join(SWEEP_LOCK))?;
        sweeping.lock()?;
        sweep(place)?;
        let directory = temporary(place, audience)?;
        let lock = File::create(directory.path().join(LOCK))?;
        lock.lock()?;
        Ok(Self {
            directory,
            audience,
            _lock: lock,
        })
    }

    /// An empty directory for one call.
    pub(super) fn directory(&self) -> io::Result<TempDir> {
        temporary(self.directory.path(), self.audience)
    }
}

fn temporary(place: &Path, audience: Audience) -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = match audience {
            Audience::Owner => 0o700,
            Audience::Container => 0o755,
        };
        builder.permissions(fs::Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = audience;
    builder.tempdir_in(place)
}

/// Creates the missing directories of a path for this user only.
fn make_directories(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Removes directories that no process holds.
fn sweep(place: &Path) -> io::Result<()> {
    for entry in fs::read_dir(place)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_ours = name.to_str().is_some_and(|name| name.starts_with(PREFIX));
        if is_ours && entry.file_type()?.is_dir() && !is_held(&entry.path()) {
            // Another user's directory cannot be removed.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

fn is_held(directory: &Path) -> bool {
    match File::open(directory.join(LOCK)) {
        Ok(lock) => matches!(lock.try_lock(), Err(TryLockError::WouldBlock)),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

/// Where private directories are made: in memory where the system offers that, else with the state of this user.
pub(super) fn private_places() -> Vec<PathBuf> {
    let Some(directories) = directories::ProjectDirs::from("", "", "transship") else {
        return Vec::new();
    };
    let state = (directories.state_dir()).unwrap_or_else(|| directories.data_local_dir());
    let places = [directories.runtime_dir(), Some(state)];
    places.into_iter().flatten().map(Path::to_owned).collect()
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn directories(place: &Path) -> usize {
        let entries = fs::read_dir(place).unwrap();
        entries
            .filter(|entry| entry.as_ref().unwrap().file_type().unwrap().is_dir())
            .count()
    }

    #[test]
    fn directories_are_their_owners_only_and_go_with_their_call() {
        let place = tempfile::tempdir().unwrap();
        let place = place.path().join("new");
        let scratch = Scratch::open(&place, Audience::Owner).unwrap();
        let call = scratch.directory().unwrap();
        let path = call.path().to_owned();
        for directory in [&*place, path.parent().unwrap(), &path] {
            let mode = fs::metadata(directory).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{}", directory.display());
        }
        drop(call);
        assert!(!path.exists());
        drop(scratch);
        assert_eq!(directories(&place), 0);
    }

    #[test]
    fn leftovers_are_swept_and_directories_in_use_are_not() {
        let place = tempfile::tempdir().unwrap();
        let held = Scratch::open(place.path(), Audience::Owner).unwrap();
        let killed = place.path().join(format!("{PREFIX}killed"));
        fs::create_dir_all(killed.join("call")).unwrap();
        File::create(killed.join(LOCK)).unwrap();
        fs::create_dir(place.path().join("of-others")).unwrap();
        let next = Scratch::open(place.path(), Audience::Owner).unwrap();
        assert!(!killed.exists());
        assert!(held.directory().is_ok() && next.directory().is_ok());
        assert_eq!(directories(place.path()), 3);
    }
}
