//! The throw-away repositories of an examination, and what is in them.
//!
//! Decides in which order it is removed, and what to tell about the rest. Invariant: everything is noted before it is
//! sent, so nothing that may have arrived is forgotten.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    Check, Finding, ScratchRepositories,
    trouble::{Trouble, within},
};
use crate::{
    oci::{Digest, Repository, Version},
    present::{bytes, command, count},
    registry::{Client, UploadSession},
};

pub(super) struct Scratch<'a> {
    pub(super) repositories: &'a ScratchRepositories,
    written: Mutex<Written>,
}

#[derive(Default)]
struct Written {
    /// In the first repository.
    manifests: Vec<Digest>,
    blobs: Vec<WrittenBlob>,
    sessions: Vec<UploadSession>,
}

struct WrittenBlob {
    repository: Repository,
    digest: Digest,
    /// Length in bytes.
    size: u64,
}

impl<'a> Scratch<'a> {
    pub(super) fn new(repositories: &'a ScratchRepositories) -> Self {
        Self {
            repositories,
            written: Mutex::default(),
        }
    }

    pub(super) fn note_manifest(&self, digest: &Digest) {
        self.written().manifests.push(digest.clone());
    }

    pub(super) fn note_blob(&self, repository: &Repository, digest: &Digest, size: u64) {
        self.written().blobs.push(WrittenBlob {
            repository: repository.clone(),
            digest: digest.clone(),
            size,
        });
    }

    /// The registry said that it did not take it.
    pub(super) fn forget_blob(&self, repository: &Repository, digest: &Digest) {
        let is_other =
            |blob: &WrittenBlob| blob.repository != *repository || blob.digest != *digest;
        self.written().blobs.retain(is_other);
    }

    pub(super) fn note_session(&self, session: &UploadSession) {
        self.written().sessions.push(session.clone());
    }

    /// Removes all of it; each request has `limit`. `None` if nothing was written.
    pub(super) async fn remove(self, client: &Client, limit: Duration) -> Option<Finding> {
        let written = self.written.into_inner();
        let written = written.unwrap_or_else(PoisonError::into_inner);
        let repository = &self.repositories.first;
        for session in &written.sessions {
            // Registries forget the others by themselves.
            let _ = within(limit, client.cancel_upload(session)).await;
        }
        let (mut manifests, mut blobs) = (Vec::new(), Vec::new());
        for digest in &written.manifests {
            let version = Version::Digest(digest.clone());
            let deleted = within(limit, client.delete_manifest(repository, &version)).await;
            manifests.extend(left(deleted).map(|trouble| (digest, trouble)));
        }
        for blob in &written.blobs {
            let deleted = client.delete_blob(&blob.repository, &blob.digest);
            let deleted = within(limit, deleted).await;
            blobs.extend(left(deleted).map(|trouble| (blob, trouble)));
        }
        if written.manifests.is_empty() && written.blobs.is_empty() {
            return None;
        }
        Some(self.repositories.cleanup(client, &manifests, &blobs))
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why something was not removed.
fn left(deleted: Result<(), Trouble>) -> Option<Trouble> {
    deleted
        .err()
        .filter(|trouble| trouble.status() != Some(404))
}

impl ScratchRepositories {
    fn cleanup(
        &self,
        client: &Client,
        manifests: &[(&Digest, Trouble)],
        blobs: &[(&WrittenBlob, Trouble)],
    ) -> Finding {
        let registry = client.registry();
        let place = format!("{registry}/{}", self.first);
        if let Some((_, trouble)) = manifests.first() {
            let detail = format!(
                "{place} still has {}: it {}",
                count(manifests.len(), "manifest"),
                trouble.text()
            );
            let commands: Vec<String> = (manifests.iter())
                .map(|(digest, _)| {
                    let reference = format!("{place}@{digest}");
                    format!("`{}`", command(["delete", &reference, "--yes"]))
                })
                .collect();
            let advice = format!("delete them: {}", commands.join(", "));
            return Finding::warning(Check::Cleanup, detail, advice);
        }
        match blobs.first() {
            Some((_, trouble)) => Finding::note(
                Check::Cleanup,
                format!(
                    "{place} still has {} ({}) without a tag: it {}",
                    count(blobs.len(), "blob"),
                    bytes(blobs.iter().map(|(blob, _)| blob.size).sum()),
                    trouble.text()
                ),
                "nothing: no manifest names them, so the garbage collection of the registry removes them",
            ),
            None => Finding::good(Check::Cleanup, "everything is removed that was written"),
        }
    }
}
