//! One registry during a batch: its client, and what all images learned there.
//!
//! Decides nothing; each part decides for itself. Invariant: what is known here was answered by the registry in this
//! run, or is in the journal.

use std::sync::Arc;

use super::{
    claims::Claims, complete_manifests::CompleteManifests, cosign_locks::CosignLocks,
    new_repositories::NewRepositories, open_sessions::AbandonedSessions,
    provisioner::RepositoryProvisioner, referrer_cache::ReferrerCache,
    suspended_uploads::SuspendedUploads,
};
use crate::registry::Client;

pub(super) struct RegistryState {
    pub client: Arc<Client>,
    pub claims: Arc<Claims>,
    pub manifests: CompleteManifests,
    pub new_repositories: NewRepositories,
    pub referrers: ReferrerCache,
    pub cosign_locks: CosignLocks,
    pub suspended: SuspendedUploads,
    pub abandoned: Arc<AbandonedSessions>,
    /// Creates missing repositories, if the operator configured a command.
    pub provisioner: Option<RepositoryProvisioner>,
}

impl RegistryState {
    pub(super) fn new(client: Arc<Client>, provisioner: Option<RepositoryProvisioner>) -> Self {
        Self {
            client,
            claims: Arc::default(),
            manifests: CompleteManifests::default(),
            new_repositories: NewRepositories::default(),
            referrers: ReferrerCache::default(),
            cosign_locks: CosignLocks::default(),
            suspended: SuspendedUploads::default(),
            abandoned: Arc::default(),
            provisioner,
        }
    }
}
