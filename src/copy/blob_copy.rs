//! Copies one blob to where its image is copied to.
//!
//! Decides who copies it: no request if it is known to be there; otherwise one image at a time, and the others wait or
//! mount it. How it gets there is decided by the destination. Invariant: no stream is held while another image copies the
//! blob.

use super::{
    CopyError, Report,
    claims::{Claim, Claimed},
    image_context::ImageContext,
    scope::Scope,
};
use crate::{
    batch::{PlannedBlob, Settled, Side},
    oci::Repository,
    registry::BlobPresence,
    transport::{BlobReport, PutBlob, blame},
};

pub(super) struct BlobCopy<'a> {
    image: &'a ImageContext<'a>,
    blob: &'a PlannedBlob,
    scope: &'a Scope,
}

impl<'a> BlobCopy<'a> {
    pub(super) fn new(image: &'a ImageContext<'a>, blob: &'a PlannedBlob) -> Self {
        let scope = &image.destination.scope;
        Self { image, blob, scope }
    }

    pub(super) async fn run(self) -> Result<(), CopyError> {
        let digest = &self.blob.digest;
        let claims = &self.image.destination.state.claims;
        let how = loop {
            match claims.claim(digest, self.scope, self.image.job_id()) {
                Claim::Settled => break Settled::Present,
                Claim::Wait { owner, turn } => {
                    (self.image.report)(Report::Waiting {
                        digest: digest.clone(),
                        owner,
                    });
                    turn.await;
                }
                Claim::Mount(claimed, from) => {
                    break self.put(claimed, from.repository()).await?;
                }
                Claim::Upload(claimed) => {
                    // On one registry, mount from the source repository.
                    let source = self
                        .is_same_store()
                        .then(|| self.image.source.scope.repository())
                        .flatten();
                    break self.put(claimed, source).await?;
                }
            }
        };
        self.report_settled(how);
        Ok(())
    }

    /// Reports the blob if the destination has it. Copies nothing.
    pub(super) async fn check(self) -> Result<(), CopyError> {
        let (digest, claims) = (&self.blob.digest, &self.image.destination.state.claims);
        if !claims.is_settled(digest, self.scope) {
            if claims.is_absent(digest, self.scope) {
                return Ok(());
            }
            let presence = self.image.destination.image.blob_presence(self.blob);
            match presence.await.map_err(blame(Side::Destination))? {
                BlobPresence::Present => claims.remember(digest.clone(), self.scope.clone()),
                BlobPresence::Absent => {
                    // Where nothing is known to be, the copy does not ask either.
                    if !self.image.destination.image.is_known_empty() {
                        claims.mark_absent(digest.clone(), self.scope.clone());
                    }
                    return Ok(());
                }
                // The copy has to know the length, so it asks again.
                BlobPresence::OtherLength(_) => return Ok(()),
            }
        }
        self.report_settled(Settled::Present);
        Ok(())
    }

    async fn put(
        &self,
        claimed: Claimed,
        mount_from: Option<&Repository>,
    ) -> Result<Settled, CopyError> {
        let (image, digest) = (self.image, &self.blob.digest);
        let report = |report| {
            (image.report)(match report {
                BlobReport::Started { offset, counter } => Report::Started {
                    digest: digest.clone(),
                    offset,
                    counter,
                },
                BlobReport::Noted(text) => Report::Noted(text),
            });
        };
        let put = PutBlob {
            blob: self.blob,
            source: &image.source.image,
            mount_from,
            is_absent: mount_from.is_none()
                && (image.destination.state.claims).take_absent(digest, self.scope),
            streams: image.streams,
            report: &report,
        };
        let how = image.destination.image.put_blob(put).await?;
        claimed.settle();
        Ok(how)
    }

    fn is_same_store(&self) -> bool {
        self.image.source.image.store() == self.image.destination.image.store()
    }

    fn report_settled(&self, how: Settled) {
        (self.image.report)(Report::Settled {
            digest: self.blob.digest.clone(),
            bytes: self.blob.size,
            how,
        });
    }
}
