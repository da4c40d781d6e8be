//! Blobs that were found sound at their destination, so that images that share them check them once.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::oci::{Digest, Registry, Repository};

type Key = (Registry, Repository, Digest);

#[derive(Default)]
pub(super) struct SoundBlobs(Mutex<HashSet<Key>>);

impl SoundBlobs {
    pub(super) fn contains(
        &self,
        registry: &Registry,
        repository: &Repository,
        digest: &Digest,
    ) -> bool {
        self.lock().contains(&key(registry, repository, digest))
    }

    pub(super) fn insert(&self, registry: &Registry, repository: &Repository, digest: &Digest) {
        self.lock().insert(key(registry, repository, digest));
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Key>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(registry: &Registry, repository: &Repository, digest: &Digest) -> Key {
    (registry.clone(), repository.clone(), digest.clone())
}
