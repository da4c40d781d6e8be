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
use crate::rollback_file::TagLog;

#[derive(Default)]
pub(super) struct StoreState {
    pub claims: Arc<Claims>,
    pub manifests: CompleteManifests,
    pub referrers: ReferrerCache,
    pub cosign_locks: CosignLocks,
    /// Creates missing repositories, if the operator configured a command.
    pub provisioner: Option<RepositoryProvisioner>,
    /// What tags named before they were written, if the operator wants to keep that.
    pub tag_log: Option<Arc<TagLog>>,
    /// Set when a registry was asked for images that another program copies.
    pub login: OnceCell<()>,
}
