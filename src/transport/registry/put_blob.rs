//! Puts one blob into one repository in the cheapest way.
//!
//! Decides the way: a mount if another repository of the registry has it; an upload if the repository is new; otherwise
//! a HEAD first. A blob of the wrong length is uploaded again. Invariant: streams are held only while bytes move.

use super::{open_registry::OpenRegistry, open_sessions::OpenSession, transfer::Transfer};
use crate::{
    batch::{PlannedBlob, Settled, Side},
    oci::Repository,
    registry::{self, BlobPresence, LimitedStore, UploadStart},
    transport::{BlobReport, Error, PutBlob, PutBlobError, blame},
};

pub(super) struct BlobUpload<'a> {
    pub registry: &'a OpenRegistry,
    pub repository: &'a Repository,
    pub put: PutBlob<'a>,
}

impl BlobUpload<'_> {
    pub(super) async fn run(self) -> Result<Settled, PutBlobError> {
        let (client, blob) = (&self.registry.client, self.put.blob);
        if let Some(from) = (self.put.mount_from).filter(|from| *from != self.repository) {
            let begun = client.mount_blob(self.repository, &blob.digest, blob.size, from);
            return match begun.await? {
                UploadStart::Mounted => Ok(Settled::Mounted { from: from.clone() }),
                // A refused mount opens an upload session.
                UploadStart::Session(session) => {
                    let session = OpenSession::new(session, &self.registry.abandoned);
                    self.upload(Some(session)).await
                }
            };
        }
        let presence = match self.put.is_absent {
            true => BlobPresence::Absent,
            false => self.presence().await?,
        };
        match presence {
            BlobPresence::Present => Ok(Settled::Present),
            BlobPresence::Absent => self.upload(None).await,
            BlobPresence::OtherLength(got) => self.replace(got).await,
        }
    }

    async fn presence(&self) -> Result<BlobPresence, PutBlobError> {
        Ok(presence(self.registry, self.repository, self.put.blob).await?)
    }

    /// Uploads a blob of which the destination has `got` bytes, and verifies the new length: some registries keep the
    /// bytes they have under a digest, whatever is uploaded.
    async fn replace(&self, got: u64) -> Result<Settled, PutBlobError> {
        let (digest, size) = (&self.put.blob.digest, self.put.blob.size);
        (self.put.report)(BlobReport::Noted(format!(
            "the destination has {got} bytes instead of {size} as blob {digest}; it is uploaded again"
        )));
        let how = self.upload(None).await?;
        if let BlobPresence::OtherLength(_) = self.presence().await? {
            let client = &self.registry.client;
            let presence = client.blob_presence_by_get(self.repository, digest, size);
            if let BlobPresence::OtherLength(got) = presence.await? {
                return Err(blame(Side::Destination)(Error::Damaged {
                    digest: digest.clone(),
                    size,
                    got,
                }));
            }
        }
        Ok(how)
    }

    async fn upload(&self, session: Option<OpenSession>) -> Result<Settled, PutBlobError> {
        let (source, destination) = (self.put.source, &self.registry.client);
        let from = LimitedStore {
            store: source.store(),
            limiter: source.limiter(),
        };
        let _permits = self.put.streams.acquire(from, destination.limited()).await;
        Transfer {
            blob: self.put.blob,
            source: &**source,
            destination,
            destination_repository: self.repository,
            suspended: &self.registry.suspended,
            abandoned: &self.registry.abandoned,
            report: self.put.report,
        }
        .run(session)
        .await?;
        Ok(Settled::Copied)
    }
}

/// Whether the repository has a blob. A repository that was new to this batch has none.
pub(super) async fn presence(
    registry: &OpenRegistry,
    repository: &Repository,
    blob: &PlannedBlob,
) -> Result<BlobPresence, registry::Error> {
    let client = &registry.client;
    if registry.new_repositories.check(client, repository).await? {
        return Ok(BlobPresence::Absent);
    }
    let presence = client.blob_presence(repository, &blob.digest, blob.size);
    match presence.await {
        Ok(presence) => Ok(presence),
        // Some registries answer 403 for what does not exist (quirk 25, see registry/quirks.md).
        Err(error) if error.status() == Some(403) => Ok(BlobPresence::Absent),
        Err(error) => Err(error),
    }
}
