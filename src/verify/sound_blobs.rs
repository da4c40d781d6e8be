//! Blobs that were found sound at their destination, so that images that share them check them once.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::oci::{Digest, LocalImage, LocalStore, Location, Registry, Repository, Transport};

#[derive(Default)]
pub(super) struct SoundBlobs(Mutex<HashSet<(BlobScope, Digest)>>);

/// Where a blob is found by its digest.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum BlobScope {
    Repository(Registry, Repository),
    /// An image with its own directory.
    Directory(LocalImage),
    Store(LocalStore),
}

impl BlobScope {
    pub(super) fn of(location: &Location) -> Self {
        match location {
            Location::Registry(reference) => {
                Self::Repository(reference.registry.clone(), reference.repository.clone())
            }
            Location::Local(image) => match image.store.transport {
                Transport::Dir => Self::Directory(image.clone()),
                Transport::Oci
                | Transport::OciArchive
                | Transport::DockerArchive
                | Transport::DockerDaemon
                | Transport::ContainersStorage => Self::Store(image.store.clone()),
            },
        }
    }
}

impl SoundBlobs {
    pub(super) fn contains(&self, scope: &BlobScope, digest: &Digest) -> bool {
        self.lock().contains(&(scope.clone(), digest.clone()))
    }

    pub(super) fn insert(&self, scope: &BlobScope, digest: &Digest) {
        self.lock().insert((scope.clone(), digest.clone()));
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<(BlobScope, Digest)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
