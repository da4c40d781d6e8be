//! One store during a batch: what all images learned there.
//!
//! Decides nothing; each part decides for itself. Invariant: what is known here was answered by the store in this run, or
//! is in the journal.

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::{
    claims::Claims, complete_manifests::CompleteManifests, cosign_locks::CosignLocks,
    provisioner::RepositoryProvisioner, referrer_cache::ReferrerCache,
};

#[derive(Default)]
pub(super) struct StoreState {
    pub claims: Arc<Claims>,
    pub manifests: CompleteManifests,
    pub referrers: ReferrerCache,
    pub cosign_locks: CosignLocks,
    /// Creates missing repositories, if the operator configured a command.
    pub provisioner: Option<RepositoryProvisioner>,
    /// Set when a registry was asked for images that another program copies.
    pub login: OnceCell<()>,
}
