//! One registry as a batch knows it: its client, and everything learned there so far.
//!
//! Invariant: what is remembered here was answered by the registry in this run or settled in the journal.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    claims::Claims, cosign::CosignTags, open_sessions::AbandonedSessions,
    provisioner::RepositoryProvisioner, referrers::ReferrerCache,
    suspended_uploads::SuspendedUploads,
};
use crate::{
    oci::{Digest, Repository},
    registry::{Client, Error, SingleFlight},
};

pub(super) struct RegistryState {
    pub client: Arc<Client>,
    pub claims: Arc<Claims>,
    pub referrer_cache: ReferrerCache,
    pub cosign_tags: CosignTags,
    pub suspended: SuspendedUploads,
    pub abandoned: Arc<AbandonedSessions>,
    /// How a missing repository is made here, if the operator said so.
    pub provisioner: Option<RepositoryProvisioner>,
    /// Whether a repository was unknown to the registry when this batch first wrote to it.
    newness: Mutex<HashMap<Repository, Arc<SingleFlight<bool, Error>>>>,
    /// Manifests that are complete in their repository.
    manifests: Mutex<HashSet<(Repository, Digest)>>,
}

impl RegistryState {
    pub(super) fn new(client: Arc<Client>, provisioner: Option<RepositoryProvisioner>) -> Self {
        Self {
            client,
            claims: Arc::default(),
            referrer_cache: ReferrerCache::default(),
            cosign_tags: CosignTags::default(),
            suspended: SuspendedUploads::default(),
            abandoned: Arc::default(),
            provisioner,
            newness: Mutex::default(),
            manifests: Mutex::default(),
        }
    }

    /// Whether the repository held nothing when this batch came to it; asked once per repository.
    /// A registry that will not say (403, 5xx) is treated as if it held something.
    pub(super) async fn is_new(&self, repository: &Repository) -> Result<bool, Error> {
        let cell = {
            let mut newness = self.newness.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(newness.entry(repository.clone()).or_default())
        };
        let ask = || async {
            match self.client.is_new_repository(repository).await {
                Ok(new) => Ok(new),
                Err(error) if error.status().is_some() => Ok(false),
                Err(error) => Err(error),
            }
        };
        cell.get_or_try_init(ask).await.copied()
    }

    /// Whether it was asked already, and held nothing. Asks nobody.
    pub(super) fn is_known_new(&self, repository: &Repository) -> bool {
        let newness = self.newness.lock().unwrap_or_else(PoisonError::into_inner);
        let known = newness.get(repository).and_then(|cell| cell.get());
        known == Some(&true)
    }

    /// An earlier run wrote to this repository: it may hold more than the journal had time to record.
    pub(super) fn mark_used(&self, repository: &Repository) {
        let mut newness = self.newness.lock().unwrap_or_else(PoisonError::into_inner);
        newness.insert(repository.clone(), Arc::new(SingleFlight::of(false)));
    }

    pub(super) fn has_manifest(&self, repository: &Repository, digest: &Digest) -> bool {
        let manifests = self
            .manifests
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        manifests.contains(&(repository.clone(), digest.clone()))
    }

    /// Takes back what is known of the manifests of a repository.
    pub(super) fn forget_manifests(&self, repository: &Repository) {
        let mut manifests = self
            .manifests
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        manifests.retain(|(home, _)| home != repository);
    }

    pub(super) fn add_manifest(&self, repository: &Repository, digest: &Digest) {
        let mut manifests = self
            .manifests
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        manifests.insert((repository.clone(), digest.clone()));
    }
}
