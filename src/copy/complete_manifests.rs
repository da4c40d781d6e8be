//! Manifests at one store that this batch wrote, or found there with everything below them.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::scope::Scope;
use crate::oci::Digest;

#[derive(Default)]
pub(super) struct CompleteManifests(Mutex<HashSet<(Scope, Digest)>>);

impl CompleteManifests {
    pub(super) fn contains(&self, scope: &Scope, digest: &Digest) -> bool {
        self.lock().contains(&(scope.clone(), digest.clone()))
    }

    pub(super) fn insert(&self, scope: &Scope, digest: &Digest) {
        self.lock().insert((scope.clone(), digest.clone()));
    }

    /// Forgets the manifests of a scope, which may have lost them.
    pub(super) fn forget(&self, scope: &Scope) {
        self.lock().retain(|(known, _)| known != scope);
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<(Scope, Digest)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
