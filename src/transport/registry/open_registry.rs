//! One registry during a batch: its client, and what uploads left and learned there.
//!
//! Decides nothing; each part decides for itself.

use std::sync::Arc;

use futures_util::{StreamExt, stream};

use super::{
    new_repositories::NewRepositories, open_sessions::AbandonedSessions,
    suspended_uploads::SuspendedUploads,
};
use crate::{
    oci::Repository,
    registry::{Client, UploadSession},
};

/// Concurrent requests that cancel uploads.
const MAX_CANCELS: usize = 16;

pub(crate) struct OpenRegistry {
    pub(super) client: Arc<Client>,
    pub(super) new_repositories: NewRepositories,
    pub(super) suspended: SuspendedUploads,
    pub(super) abandoned: Arc<AbandonedSessions>,
}

impl OpenRegistry {
    pub(crate) fn new(client: Arc<Client>) -> Self {
        Self {
            client,
            new_repositories: NewRepositories::default(),
            suspended: SuspendedUploads::default(),
            abandoned: Arc::default(),
        }
    }

    /// An earlier run wrote to this repository, and it may hold more than the journal recorded.
    pub(crate) fn mark_used(&self, repository: &Repository) {
        self.new_repositories.mark_used(repository);
    }

    /// Cancels the uploads that nobody continues.
    pub(crate) async fn cancel_uploads(&self) {
        self.suspended.abandon_all();
        let sessions: Vec<UploadSession> = self.abandoned.take();
        let cancel = async |session: UploadSession| {
            // Some registries do not support this; all remove old sessions by themselves.
            let _ = self.client.cancel_upload(&session).await;
        };
        stream::iter(sessions)
            .for_each_concurrent(MAX_CANCELS, cancel)
            .await;
    }
}
