//! One side of a comparison: what is read there, and who is blamed when that fails.
//!
//! Invariant: every error names its side.

use crate::{
    batch::Side,
    oci::{Descriptor, Digest, Manifest, Store, Transport},
    registry::ImageBudget,
    transport::{self, Error, Selector, Source},
};

use super::difference::VerifyError;

#[derive(Clone, Copy)]
pub(super) struct ComparedSide<'a> {
    pub side: Side,
    pub image: &'a dyn Source,
    /// Of the image that is compared.
    pub budget: &'a ImageBudget<'a>,
}

impl ComparedSide<'_> {
    pub(super) fn blame(&self, error: Error) -> VerifyError {
        VerifyError {
            side: self.side,
            store: self.image.store().clone(),
            error,
        }
    }

    pub(super) async fn resolve(
        &self,
        selector: Selector<'_>,
    ) -> Result<Option<Digest>, VerifyError> {
        let resolved = self.image.resolve(selector).await;
        resolved.map_err(|error| self.blame(error))
    }

    pub(super) async fn manifest(&self, selector: Selector<'_>) -> Result<Manifest, VerifyError> {
        let read = self.image.manifest(selector, self.budget).await;
        read.map_err(|error| self.blame(error))
    }

    /// The manifests that refer to `subject`. The inner error is a refusal: there may be any number of them.
    pub(super) async fn referrers(
        &self,
        subject: &Digest,
    ) -> Result<Result<Vec<Digest>, VerifyError>, VerifyError> {
        let digests = |referrers: Vec<Descriptor>| {
            let referrers = referrers.into_iter();
            referrers.map(|referrer| referrer.digest).collect()
        };
        match transport::referrers(self.image, subject, self.budget).await {
            Ok(listed) => Ok(listed.map(digests).map_err(|error| self.blame(error))),
            Err(error) => Err(self.blame(error)),
        }
    }

    /// Whether the store keeps manifests as they are. Docker's archives and daemons do not: their manifests are made when
    /// an image is read, with layers that are not compressed.
    pub(super) fn keeps_manifests(&self) -> bool {
        match self.image.store() {
            Store::Registry(_) => true,
            Store::Local(store) => match store.transport {
                Transport::Oci | Transport::OciArchive | Transport::Dir => true,
                Transport::DockerArchive
                | Transport::DockerDaemon
                | Transport::ContainersStorage => false,
            },
        }
    }
}
