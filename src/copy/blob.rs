//! The blob ladder: the cheapest way to have one blob in one repository.
//!
//! Known to be there: no request. Elsewhere at this registry: mount. Repository known to be new: upload.
//! Else HEAD first; a blob of another length is uploaded anew. Invariant: no stream permit is held while
//! waiting for another image's upload.

use super::{
    CopyError, Report,
    claims::{Claim, Claimed},
    error::blame,
    open_sessions::OpenSession,
    registry_state::RegistryState,
    transfer::Transfer,
};
use crate::{
    batch::{JobId, PlannedBlob, Settled, Side},
    oci::Repository,
    registry::{BlobPresence, StreamQueue, UploadStart},
};

pub(super) struct BlobCopy<'a> {
    pub image: JobId,
    pub blob: &'a PlannedBlob,
    pub source: &'a RegistryState,
    pub from: &'a Repository,
    pub destination: &'a RegistryState,
    pub into: &'a Repository,
    pub streams: &'a StreamQueue,
    pub report: &'a (dyn Fn(Report) + Send + Sync),
}

impl BlobCopy<'_> {
    pub(super) async fn run(self) -> Result<(), CopyError> {
        let digest = &self.blob.digest;
        let how = loop {
            match self.destination.claims.claim(digest, self.into, self.image) {
                Claim::Settled => break Settled::Present,
                Claim::Wait { owner, turn } => {
                    (self.report)(Report::Waiting {
                        digest: digest.clone(),
                        owner,
                    });
                    turn.await;
                }
                Claim::Mount(claimed, from) => {
                    break self.ensure_blob(claimed, Some(&from)).await?;
                }
                Claim::Upload(claimed) => {
                    // On one registry the source repository is where to mount from.
                    let from = self.is_same_registry().then_some(self.from);
                    break self.ensure_blob(claimed, from).await?;
                }
            }
        };
        let bytes = self.blob.size;
        (self.report)(Report::Settled {
            digest: digest.clone(),
            bytes,
            how,
        });
        Ok(())
    }

    /// Says so when the blob is there, and brings nothing.
    pub(super) async fn check(self) -> Result<(), CopyError> {
        let (digest, claims) = (&self.blob.digest, &self.destination.claims);
        if !claims.is_settled(digest, self.into) {
            if claims.is_absent(digest, self.into) || self.is_new().await? {
                return Ok(());
            }
            match self.presence().await? {
                BlobPresence::Present => claims.remember(digest.clone(), self.into.clone()),
                BlobPresence::Absent => {
                    claims.mark_absent(digest.clone(), self.into.clone());
                    return Ok(());
                }
                // The copy has to know what is there, so it asks again.
                BlobPresence::OtherLength(_) => return Ok(()),
            }
        }
        (self.report)(Report::Settled {
            digest: digest.clone(),
            bytes: self.blob.size,
            how: Settled::Present,
        });
        Ok(())
    }

    async fn ensure_blob(
        &self,
        claimed: Claimed,
        mount: Option<&Repository>,
    ) -> Result<Settled, CopyError> {
        let client = &self.destination.client;
        let digest = &self.blob.digest;
        if let Some(from) = mount.filter(|from| *from != self.into) {
            let begun = client
                .mount_blob(self.into, digest, self.blob.size, from)
                .await
                .map_err(blame(Side::Destination))?;
            let how = match begun {
                UploadStart::Mounted => Settled::Mounted { from: from.clone() },
                // A refused mount is an open upload: use it.
                UploadStart::Session(session) => {
                    let session = OpenSession::new(session, &self.destination.abandoned);
                    self.upload(Some(session)).await?
                }
            };
            claimed.settle();
            return Ok(how);
        }
        let is_absent =
            self.is_new().await? || self.destination.claims.take_absent(digest, self.into);
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
        let new = self.destination.is_new(self.into).await;
        new.map_err(blame(Side::Destination))
    }

    async fn presence(&self) -> Result<BlobPresence, CopyError> {
        let client = &self.destination.client;
        let (digest, size) = (&self.blob.digest, self.blob.size);
        match client.blob_presence(self.into, digest, size).await {
            Ok(presence) => Ok(presence),
            // A refused look-up says nothing (quirk 25).
            Err(error) if error.status() == Some(403) => Ok(BlobPresence::Absent),
            Err(error) => Err(blame(Side::Destination)(error)),
        }
    }

    /// Uploads a blob of which the destination has `got` bytes, and makes sure that this mended it: some
    /// registries keep what they have under a digest, whatever is uploaded.
    async fn replace(&self, got: u64) -> Result<Settled, CopyError> {
        let (digest, size) = (&self.blob.digest, self.blob.size);
        (self.report)(Report::Noted(format!(
            "the destination has {got} bytes instead of {size} as blob {digest}; it is uploaded anew"
        )));
        let how = self.upload(None).await?;
        if let BlobPresence::OtherLength(_) = self.presence().await? {
            let client = &self.destination.client;
            let presence = client.blob_presence_by_get(self.into, digest, size).await;
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
        let (source, destination) = (&self.source.client, &self.destination.client);
        let _permits = self.streams.acquire(source, destination).await;
        Transfer {
            blob: self.blob,
            source,
            source_repository: self.from,
            destination,
            destination_repository: self.into,
            suspended: &self.destination.suspended,
            abandoned: &self.destination.abandoned,
            report: self.report,
        }
        .run(session)
        .await?;
        Ok(Settled::Copied)
    }

    fn is_same_registry(&self) -> bool {
        self.source.client.registry() == self.destination.client.registry()
    }
}
