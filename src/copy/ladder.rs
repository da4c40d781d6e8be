//! The blob ladder: the cheapest way to have one blob in one repository.
//!
//! Known to be there: no request. Elsewhere at this registry: mount. Repository known to be new: upload.
//! Else HEAD first. Invariant: no stream permit is held while waiting for another image's upload.

use super::{
    CopyError, How, ImageId, Report, Side,
    claims::{Claim, Claimed},
    error::blame,
    open_sessions::OpenSession,
    site::Site,
    transfer::Transfer,
};
use crate::{
    oci::{Descriptor, Repository},
    registry::{Begun, StreamQueue},
};

pub(super) struct BlobCopy<'a> {
    pub image: ImageId,
    pub blob: &'a Descriptor,
    pub source: &'a Site,
    pub from: &'a Repository,
    pub destination: &'a Site,
    pub into: &'a Repository,
    pub streams: &'a StreamQueue,
    pub report: &'a (dyn Fn(Report) + Send + Sync),
}

impl BlobCopy<'_> {
    pub(super) async fn run(self) -> Result<(), CopyError> {
        let digest = &self.blob.digest;
        let how = loop {
            match self.destination.claims.claim(digest, self.into, self.image) {
                Claim::Settled => break How::Present,
                Claim::Wait { owner, turn } => {
                    (self.report)(Report::Waiting {
                        digest: digest.clone(),
                        owner,
                    });
                    turn.await;
                }
                Claim::Mount(claimed, from) => break self.bring(claimed, Some(&from)).await?,
                Claim::Upload(claimed) => {
                    // On one registry the source repository is where to mount from.
                    let from = self.is_same_registry().then_some(self.from);
                    break self.bring(claimed, from).await?;
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
    pub(super) async fn look(self) -> Result<(), CopyError> {
        let (digest, claims) = (&self.blob.digest, &self.destination.claims);
        if !claims.is_settled(digest, self.into) {
            if claims.misses(digest, self.into) || self.is_new().await? {
                return Ok(());
            }
            if !self.is_present().await? {
                claims.miss(digest.clone(), self.into.clone());
                return Ok(());
            }
            claims.remember(digest.clone(), self.into.clone());
        }
        (self.report)(Report::Settled {
            digest: digest.clone(),
            bytes: self.blob.size,
            how: How::Present,
        });
        Ok(())
    }

    async fn bring(&self, claimed: Claimed, mount: Option<&Repository>) -> Result<How, CopyError> {
        let client = &self.destination.client;
        let digest = &self.blob.digest;
        if let Some(from) = mount.filter(|from| *from != self.into) {
            let begun = client
                .mount_blob(self.into, self.blob, from)
                .await
                .map_err(blame(Side::Destination))?;
            let how = match begun {
                Begun::Mounted => How::Mounted { from: from.clone() },
                // A refused mount is an open upload: use it.
                Begun::Session(session) => {
                    let session = OpenSession::new(session, &self.destination.abandoned);
                    self.upload(Some(session)).await?
                }
            };
            claimed.settle();
            return Ok(how);
        }
        let is_absent =
            self.is_new().await? || self.destination.claims.was_missed(digest, self.into);
        let how = if !is_absent && self.is_present().await? {
            How::Present
        } else {
            self.upload(None).await?
        };
        claimed.settle();
        Ok(how)
    }

    async fn is_new(&self) -> Result<bool, CopyError> {
        let new = self.destination.is_new(self.into).await;
        new.map_err(blame(Side::Destination))
    }

    async fn is_present(&self) -> Result<bool, CopyError> {
        match self
            .destination
            .client
            .blob_head(self.into, &self.blob.digest)
            .await
        {
            Ok(length) => Ok(length.is_some()),
            // A refused look-up says nothing (quirk 25).
            Err(error) if error.status() == Some(403) => Ok(false),
            Err(error) => Err(blame(Side::Destination)(error)),
        }
    }

    async fn upload(&self, session: Option<OpenSession>) -> Result<How, CopyError> {
        let (source, destination) = (&self.source.client, &self.destination.client);
        let _permits = self.streams.acquire(source, destination).await;
        Transfer {
            blob: self.blob,
            source: &self.source.client,
            from: self.from,
            destination: self.destination,
            into: self.into,
            report: self.report,
        }
        .run(session)
        .await?;
        Ok(How::Copied)
    }

    fn is_same_registry(&self) -> bool {
        self.source.client.registry() == self.destination.client.registry()
    }
}
