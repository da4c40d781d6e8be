//! An archive that skopeo writes.
//!
//! Decides where it is until it is complete. Invariant: an archive gets its name when it is complete; an incomplete one
//! is removed, also when the copy is dropped.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::arguments::at_path;
use crate::oci::{LocalImage, Location, Transport};

/// An archive beside the place where it belongs.
pub(super) struct UnfinishedArchive {
    path: PathBuf,
    finished: PathBuf,
}

impl UnfinishedArchive {
    /// Where skopeo writes, if `destination` is an archive that it creates; one that exists is skopeo's to judge.
    pub(super) fn of(destination: &Location) -> Option<(Self, Location)> {
        let Location::Local(image) = destination else {
            return None;
        };
        if !is_created(image) {
            return None;
        }
        let finished = Path::new(image.store.place());
        let name = finished.file_name()?.to_str()?;
        let name = format!(".{name}.{:016x}.partial", rand::random::<u64>());
        let path = finished.with_file_name(name);
        let location = at_path(image, path.to_str()?);
        let archive = Self {
            finished: finished.to_owned(),
            path,
        };
        Some((archive, location))
    }

    /// Gives the complete archive its name.
    pub(super) fn finish(self) -> io::Result<()> {
        fs::rename(&self.path, &self.finished)
    }
}

fn is_created(image: &LocalImage) -> bool {
    let exists = || Path::new(image.store.place()).exists();
    match image.store.transport {
        Transport::DockerArchive | Transport::OciArchive => !exists(),
        Transport::Dir
        | Transport::Oci
        | Transport::DockerDaemon
        | Transport::ContainersStorage => false,
    }
}

impl Drop for UnfinishedArchive {
    fn drop(&mut self) {
        // There is none if it was renamed, or was never begun.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_gets_its_name_when_it_is_complete() {
        let directory = tempfile::tempdir().unwrap();
        let finished = directory.path().join("app.tar");
        let location: Location = format!("docker-archive:{}:app:1", finished.display())
            .parse()
            .unwrap();
        let begin = || UnfinishedArchive::of(&location).unwrap();
        let (archive, partial) = begin();
        let partial = partial.local().unwrap();
        assert_eq!(partial.name, location.local().unwrap().name);
        fs::write(partial.store.place(), "part").unwrap();
        drop(archive);
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
        let (archive, partial) = begin();
        fs::write(partial.local().unwrap().store.place(), "whole").unwrap();
        archive.finish().unwrap();
        assert_eq!(fs::read_to_string(&finished).unwrap(), "whole");
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
        assert!(UnfinishedArchive::of(&location).is_none());
    }
}
