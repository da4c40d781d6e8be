//! Copies one blob to one repository in the cheapest way.
//!
//! Decides the way: no request if the blob is known to be there; a mount if another repository of the registry has it;
//! an upload if the repository is new; otherwise a HEAD first. A blob of the wrong length is uploaded again. Invariant:
//! no stream permit is held while another image uploads the blob.

use super::{
    CopyError, Report,
    claims::{Claim, Claimed},
    error::blame,
    image_context::ImageContext,
    open_sessions::OpenSession,
    registry_state::RegistryState,
    transfer::Transfer,
};
use crate::{
    batch::{PlannedBlob, Settled, Side},
    oci::Repository,
    registry::{BlobPresence, UploadStart},
};

pub(super) struct BlobCopy<'a> {
    image: &'a ImageContext<'a>,
    blob: &'a PlannedBlob,
    destination: &'a RegistryState,
    repository: &'a Repository,
}

impl<'a> BlobCopy<'a> {
    pub(super) fn new(image: &'a ImageContext<'a>, blob: &'a PlannedBlob) -> Self {
        Self {
            image,
            blob,
            destination: image.destination,
            repository: image.destination_repository(),
        }
    }

    pub(super) async fn run(self) -> Result<(), CopyError> {
        let digest = &self.blob.digest;
        let how = loop {
            match self
                .destination
                .claims
                .claim(digest, self.repository, self.image.job_id())
            {
                Claim::Settled => break Settled::Present,
                Claim::Wait { owner, turn } => {
                    (self.image.report)(Report::Waiting {
                        digest: digest.clone(),
                        owner,
                    });
                    turn.await;
                }
                Claim::Mount(claimed, from) => {
                    break self.ensure_blob(claimed, Some(&from)).await?;
                }
                Claim::Upload(claimed) => {
                    // On one registry, mount from the source repository.
                    let source = self
                        .is_same_registry()
                        .then(|| self.image.source_repository());
                    break self.ensure_blob(claimed, source).await?;
                }
            }
        };
        self.report_settled(how);
        Ok(())
    }

    /// Reports the blob if the destination has it. Copies nothing.
    pub(super) async fn check(self) -> Result<(), CopyError> {
        let (digest, claims) = (&self.blob.digest, &self.destination.claims);
        if !claims.is_settled(digest, self.repository) {
            if claims.is_absent(digest, self.repository) || self.is_new().await? {
                return Ok(());
            }
            match self.presence().await? {
                BlobPresence::Present => claims.remember(digest.clone(), self.repository.clone()),
                BlobPresence::Absent => {
                    claims.mark_absent(digest.clone(), self.repository.clone());
                    return Ok(());
                }
                // The copy has to know the length, so it asks again.
                BlobPresence::OtherLength(_) => return Ok(()),
            }
        }
        self.report_settled(Settled::Present);
        Ok(())
    }

    async fn ensure_blob(
        &self,
        claimed: Claimed,
        mount_from: Option<&Repository>,
    ) -> Result<Settled, CopyError> {
        let client = &self.destination.client;
        let digest = &self.blob.digest;
        if let Some(from) = mount_from.filter(|from| *from != self.repository) {
            let begun = client
                .mount_blob(self.repository, digest, self.blob.size, from)
                .await
                .map_err(blame(Side::Destination))?;
            let how = match begun {
                UploadStart::Mounted => Settled::Mounted { from: from.clone() },
                // A refused mount opens an upload session.
                UploadStart::Session(session) => {
                    let session = OpenSession::new(session, &self.destination.abandoned);
                    self.upload(Some(session)).await?
                }
            };
            claimed.settle();
            return Ok(how);
        }
        let is_absent =
            self.is_new().await? || self.destination.claims.take_absent(digest, self.repository);
        let presence = match is_absent {
            true => BlobPresence::Absent,
            false => self.presence().await?,
        };
        let how = match presence {
            BlobPresence::Present => Settled::Present,
            BlobPresence::Absent => self.upload(None).await?,
            BlobPresence::OtherLength(got) => self.replace(got).await?,
        };
        claimed.settle();
        Ok(how)
    }

    async fn is_new(&self) -> Result<bool, CopyError> {
        let client = &self.destination.client;
        let is_new = (self.destination.new_repositories).check(client, self.repository);
        is_new.await.map_err(blame(Side::Destination))
    }

    async fn presence(&self) -> Result<BlobPresence, CopyError> {
        let client = &self.destination.client;
        let (digest, size) = (&self.blob.digest, self.blob.size);
        match client.blob_presence(self.repository, digest, size).await {
            Ok(presence) => Ok(presence),
            // Some registries answer 403 for what does not exist (quirk 25, see registry/quirks.md).
            Err(error) if error.status() == Some(403) => Ok(BlobPresence::Absent),
            Err(error) => Err(blame(Side::Destination)(error)),
        }
    }

    /// Uploads a blob of which the destination has `got` bytes, and verifies the new length: some registries keep the
    /// bytes they have under a digest, whatever is uploaded.
    async fn replace(&self, got: u64) -> Result<Settled, CopyError> {
        let (digest, size) = (&self.blob.digest, self.blob.size);
        self.image.note(format!(
            "the destination has {got} bytes instead of {size} as blob {digest}; it is uploaded again"
        ));
        let how = self.upload(None).await?;
        if let BlobPresence::OtherLength(_) = self.presence().await? {
            let client = &self.destination.client;
            let presence = client
                .blob_presence_by_get(self.repository, digest, size)
                .await;
            if let BlobPresence::OtherLength(got) = presence.map_err(blame(Side::Destination))? {
                return Err(CopyError::Damaged {
                    digest: digest.clone(),
                    size,
                    got,
                });
            }
        }
        Ok(how)
    }

    async fn upload(&self, session: Option<OpenSession>) -> Result<Settled, CopyError> {
        let (source, destination) = (&self.image.source.client, &self.destination.client);
        let _permits = self.image.streams.acquire(source, destination).await;
        Transfer {
            blob: self.blob,
            source,
            source_repository: self.image.source_repository(),
            destination,
            destination_repository: self.repository,
            suspended: &self.destination.suspended,
            abandoned: &self.destination.abandoned,
            report: self.image.report,
        }
        .run(session)
        .await?;
        Ok(Settled::Copied)
    }

    fn is_same_registry(&self) -> bool {
        self.image.source.client.registry() == self.destination.client.registry()
    }

    fn report_settled(&self, how: Settled) {
        (self.image.report)(Report::Settled {
            digest: self.blob.digest.clone(),
            bytes: self.blob.size,
            how,
        });
    }
}
