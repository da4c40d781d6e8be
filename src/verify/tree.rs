//! Everything below a manifest of the destination: whether it is there, and what it is.
//!
//! Invariant: a tree found sound is not walked again by the same verifier, however many images share it.

use std::{collections::BTreeSet, sync::Arc};

use futures_util::{StreamExt, TryStreamExt, future::BoxFuture, stream};

use super::{
    difference::{Difference, Part, VerifyError},
    image::{Depth, Verifier},
};
use crate::{
    oci::{Descriptor, Digest, Manifest, MediaType, Repository, Version},
    registry::{BlobPresence, BlobRead, Client, ImageBudget},
};

/// Blobs of one image looked at together.
const LOOKERS: usize = 6;
/// Look-ups prepared at once: each takes some kilobytes before it begins.
const TOGETHER: usize = 32;
/// Indexes in indexes are rare; deeper than this is a mistake or an attack.
const DEEPEST: usize = 5;

/// One repository of the destination.
pub(super) struct DestinationRepository<'a> {
    pub verifier: &'a Verifier,
    pub client: &'a Arc<Client>,
    pub repository: &'a Repository,
    /// Of the image that is looked at.
    pub budget: &'a ImageBudget<'a>,
}

impl DestinationRepository<'_> {
    /// What is missing or wrong below `digest`, itself included; the digests of manifests found go to `found`.
    pub(super) fn walk<'b>(
        &'b self,
        digest: &'b Digest,
        part: Part,
        depth_left: usize,
        found: &'b mut BTreeSet<Digest>,
    ) -> BoxFuture<'b, Result<Vec<Difference>, VerifyError>> {
        Box::pin(async move {
            let Some(manifest) = self.manifest(digest).await? else {
                let digest = digest.clone();
                return Ok(vec![Difference::Missing { part, digest }]);
            };
            found.insert(digest.clone());
            let named = manifest
                .blobs()
                .chain(manifest.children().iter().filter(is_blob));
            let admitted = self.client.admit_blobs(self.budget, named);
            admitted.map_err(VerifyError::Destination)?;
            let mut differences = self.blobs(manifest.blobs()).await?;
            let (blobs, children): (Vec<_>, Vec<_>) = manifest.children().iter().partition(is_blob);
            differences.extend(self.blobs(blobs.into_iter()).await?);
            for child in children {
                if found.contains(&child.digest) {
                    continue;
                }
                let Some(depth_left) = depth_left.checked_sub(1) else {
                    differences.push(Difference::Unknown {
                        what: format!("what is below manifest {digest}"),
                        why: format!("it is nested more than {DEEPEST} deep"),
                    });
                    break;
                };
                let below = self.walk(&child.digest, Part::Manifest, depth_left, found);
                differences.extend(below.await?);
            }
            Ok(differences)
        })
    }

    /// The whole tree of an image.
    pub(super) async fn tree(
        &self,
        digest: &Digest,
        part: Part,
    ) -> Result<(Vec<Difference>, BTreeSet<Digest>), VerifyError> {
        let mut found = BTreeSet::new();
        let differences = self.walk(digest, part, DEEPEST, &mut found).await?;
        Ok((differences, found))
    }

    async fn manifest(&self, digest: &Digest) -> Result<Option<Manifest>, VerifyError> {
        let version = Version::Digest(digest.clone());
        let read = (self.client).manifest_within(self.repository, &version, self.budget);
        match read.await {
            Ok(manifest) => Ok(Some(manifest)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(VerifyError::Destination(error)),
        }
    }

    async fn blobs(
        &self,
        blobs: impl Iterator<Item = &Descriptor>,
    ) -> Result<Vec<Difference>, VerifyError> {
        let held = blobs.filter(|blob| !blob.media_type.is_foreign_layer() || blob.urls.is_empty());
        let held: Vec<_> = held.collect();
        let mut differences = Vec::new();
        for some in held.chunks(TOGETHER) {
            let looks: Vec<_> = some.iter().map(|blob| self.blob(blob)).collect();
            let mut looks = stream::iter(looks).buffered(LOOKERS);
            while let Some(difference) = looks.try_next().await? {
                differences.extend(difference);
            }
        }
        Ok(differences)
    }

    async fn blob(&self, blob: &Descriptor) -> Result<Option<Difference>, VerifyError> {
        let digest = &blob.digest;
        if self.verifier.is_sound(self.client, self.repository, digest) {
            return Ok(None);
        }
        let difference = match self.verifier.depth() {
            Depth::Digests | Depth::Content => {
                let presence = self
                    .client
                    .blob_presence(self.repository, digest, blob.size);
                match presence.await.map_err(VerifyError::Destination)? {
                    BlobPresence::Absent => Some(missing(digest)),
                    BlobPresence::OtherLength(got) => Some(Difference::Length {
                        digest: digest.clone(),
                        expected: blob.size,
                        got,
                    }),
                    BlobPresence::Present => None,
                }
            }
            Depth::Bytes => self.read(blob).await?,
        };
        if difference.is_none() {
            self.verifier
                .add_sound(self.client, self.repository, digest);
        }
        Ok(difference)
    }

    async fn read(&self, blob: &Descriptor) -> Result<Option<Difference>, VerifyError> {
        let digest = &blob.digest;
        let _permit = self.client.limiter().stream().await;
        let mut read: BlobRead = match self.client.read_blob(self.repository, digest, 0).await {
            Ok(read) => read,
            Err(error) if error.is_not_found() => return Ok(Some(missing(digest))),
            Err(error) => return Err(VerifyError::Destination(error)),
        };
        let mut hasher = digest.hasher();
        while let Some(chunk) = read.next().await.map_err(VerifyError::Destination)? {
            self.client
                .limiter()
                .throttle_bytes(chunk.len() as u64)
                .await;
            hasher.update(&chunk);
        }
        let got = hasher.finish();
        let digest = digest.clone();
        Ok((got != digest).then_some(Difference::Content { digest, got }))
    }
}

fn missing(digest: &Digest) -> Difference {
    Difference::Missing {
        part: Part::Blob,
        digest: digest.clone(),
    }
}

/// Build caches list layers right in an index (quirk 49).
fn is_blob(child: &&Descriptor) -> bool {
    let media_type = child.media_type.as_str();
    !child.media_type.is_manifest()
        && (media_type.contains(".layer.")
            || media_type.contains(".rootfs.")
            || media_type.contains(".config.")
            || media_type == MediaType::OCI_CONFIG
            || media_type == MediaType::DOCKER_CONFIG)
}
