//! Checks everything below a manifest at the destination.
//!
//! Decides what is missing or damaged there. Invariant: a blob that was found sound is not checked again by the same
//! verifier, however many images share it.

use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt, future::BoxFuture, stream};

use super::{
    depth::Depth,
    difference::{Difference, Part, VerifyError},
    side::ComparedSide,
    sound_blobs::{BlobScope, SoundBlobs},
};
use crate::{
    oci::{Descriptor, Digest, Manifest},
    registry::BlobPresence,
    transport::{Error, Selector},
};

/// Concurrent requests for blobs of one image.
const MAX_READS: usize = 6;
/// Futures that are created ahead of their turn. Each takes some kilobytes.
const MAX_PENDING: usize = 32;
/// Nested indexes are rare. More levels are a mistake or an attack.
const MAX_DEPTH: usize = 5;

/// The image at the destination, and what else its store has.
pub(super) struct DestinationTree<'a> {
    pub depth: Depth,
    pub sound: &'a SoundBlobs,
    pub scope: BlobScope,
    pub side: ComparedSide<'a>,
}

impl DestinationTree<'_> {
    /// What is missing or wrong below `digest`, itself included. Adds the manifests that are there to `found`.
    fn walk<'b>(
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
                .chain(manifest.children().iter().filter(|child| child.is_blob()));
            let admitted = self.side.budget.add_blobs(named);
            admitted.map_err(|over| {
                let store = self.side.image.store();
                self.side.blame(Error::over_budget(store, over))
            })?;
            let mut differences = self.blobs(manifest.blobs()).await?;
            let (blobs, children): (Vec<_>, Vec<_>) = manifest
                .children()
                .iter()
                .partition(|child| child.is_blob());
            differences.extend(self.blobs(blobs.into_iter()).await?);
            for child in children {
                if found.contains(&child.digest) {
                    continue;
                }
                let Some(depth_left) = depth_left.checked_sub(1) else {
                    differences.push(Difference::Unknown {
                        what: format!("what is below manifest {digest}"),
                        why: format!("it is nested more than {MAX_DEPTH} deep"),
                    });
                    break;
                };
                let below = self.walk(&child.digest, Part::Manifest, depth_left, found);
                differences.extend(below.await?);
            }
            Ok(differences)
        })
    }

    /// What is missing or wrong below `digest`, itself included, and the manifests that are there.
    pub(super) async fn check(
        &self,
        digest: &Digest,
        part: Part,
    ) -> Result<(Vec<Difference>, BTreeSet<Digest>), VerifyError> {
        let mut found = BTreeSet::new();
        let differences = self.walk(digest, part, MAX_DEPTH, &mut found).await?;
        Ok((differences, found))
    }

    async fn manifest(&self, digest: &Digest) -> Result<Option<Manifest>, VerifyError> {
        match self.side.manifest(Selector::Digest(digest)).await {
            Ok(manifest) => Ok(Some(manifest)),
            Err(failed) if failed.error.is_not_found() => Ok(None),
            Err(failed) => Err(failed),
        }
    }

    async fn blobs(
        &self,
        blobs: impl Iterator<Item = &Descriptor>,
    ) -> Result<Vec<Difference>, VerifyError> {
        let held = blobs.filter(|blob| !blob.media_type.is_foreign_layer() || blob.urls.is_empty());
        let held: Vec<_> = held.collect();
        let mut differences = Vec::new();
        for some in held.chunks(MAX_PENDING) {
            let checks: Vec<_> = some.iter().map(|blob| self.blob(blob)).collect();
            let mut checks = stream::iter(checks).buffered(MAX_READS);
            while let Some(difference) = checks.try_next().await? {
                differences.extend(difference);
            }
        }
        Ok(differences)
    }

    async fn blob(&self, blob: &Descriptor) -> Result<Option<Difference>, VerifyError> {
        let digest = &blob.digest;
        if self.sound.contains(&self.scope, digest) {
            return Ok(None);
        }
        let difference = match self.depth {
            Depth::Digests | Depth::Content => {
                let presence = self.side.image.check_blob(blob).await;
                match presence.map_err(|error| self.side.blame(error))? {
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
            self.sound.insert(&self.scope, digest);
        }
        Ok(difference)
    }

    async fn read(&self, blob: &Descriptor) -> Result<Option<Difference>, VerifyError> {
        let digest = &blob.digest;
        let image = self.side.image;
        let _permit = image.limiter().stream().await;
        let mut read = match image.read_blob(digest, 0).await {
            Ok(read) => read,
            Err(error) if error.is_not_found() => return Ok(Some(missing(digest))),
            Err(error) => return Err(self.side.blame(error)),
        };
        let mut hasher = digest.hasher();
        while let Some(chunk) = (read.next().await).map_err(|error| self.side.blame(error))? {
            image.limiter().throttle_bytes(chunk.len() as u64).await;
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
