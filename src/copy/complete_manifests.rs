//! Manifests at one registry that this batch wrote, or found there with everything below them.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::oci::{Digest, Repository};

#[derive(Default)]
pub(super) struct CompleteManifests(Mutex<HashSet<(Repository, Digest)>>);

impl CompleteManifests {
    pub(super) fn contains(&self, repository: &Repository, digest: &Digest) -> bool {
        self.lock().contains(&(repository.clone(), digest.clone()))
    }

    pub(super) fn insert(&self, repository: &Repository, digest: &Digest) {
        self.lock().insert((repository.clone(), digest.clone()));
    }

    /// Forgets the manifests of a repository, which may have lost them.
    pub(super) fn forget(&self, repository: &Repository) {
        self.lock().retain(|(known, _)| known != repository);
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<(Repository, Digest)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
