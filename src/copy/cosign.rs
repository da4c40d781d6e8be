//! Cosign's tags at a destination that may have signatures of its own: `sha256-HEX.sig`, `.att`, `.sbom`.
//!
//! Decides how what the source has under such a tag compares with what is there, and adds signatures to those that
//! are. What is done about a difference that cannot be merged is the caller's. Invariant: one image of a batch
//! writes such a tag at a time, and reads it again first, unless the repository was new and the tag not yet written.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    sync::Semaphore,
    time::{error::Elapsed, timeout},
};

use super::{CopyError, error::blame, registry_state::RegistryState};
use crate::{
    batch::Side,
    oci::{Descriptor, Digest, Manifest, Repository, Signatures, Tag, Version},
    registry::{Error, ErrorCause},
};

/// The config of 10,000 signatures has 1.2 MB.
const LARGEST_CONFIG: usize = 4 << 20;

/// Who may write the cosign tags of one registry.
#[derive(Default)]
pub(super) struct CosignTags(Mutex<HashMap<(Repository, Tag), Arc<Semaphore>>>);

/// A cosign tag of the destination.
pub(super) struct CosignTag<'a> {
    pub destination: &'a RegistryState,
    pub into: &'a Repository,
    pub tag: &'a Tag,
}

/// What the destination has under a cosign tag, compared with a manifest of the source.
pub(super) enum Found {
    /// Nothing; or it would not say, and writing will show (quirk 25, see registry/quirks.md).
    Nothing,
    /// This manifest, which has everything of the source's.
    Complete(Digest),
    /// Signatures, but not all of the source's.
    Incomplete(Box<Manifest>),
    /// Something that nothing can be added to.
    Other(Digest),
}

impl CosignTags {
    /// One permit for the tag, and whether nobody asked for it before.
    fn turn(&self, repository: &Repository, tag: &Tag) -> (Arc<Semaphore>, bool) {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match turns.entry((repository.clone(), tag.clone())) {
            Entry::Occupied(turn) => (Arc::clone(turn.get()), false),
            Entry::Vacant(free) => (Arc::clone(free.insert(Arc::new(Semaphore::new(1)))), true),
        }
    }
}

impl CosignTag<'_> {
    /// Compares, and hands what was found to `write`, with nobody else of this batch at the tag.
    pub(super) async fn alone<T>(
        &self,
        manifest: &Manifest,
        write: impl AsyncFnOnce(Found) -> Result<T, CopyError>,
    ) -> Result<T, CopyError> {
        let (turn, is_first) = self.destination.cosign_tags.turn(self.into, self.tag);
        // Never closed; with a permit or without, the tag is compared before it is written.
        let _alone = turn.acquire().await;
        let found = match is_first && self.destination.is_known_new(self.into) {
            true => Found::Nothing,
            false => self.compare(manifest).await?,
        };
        write(found).await
    }

    /// One HEAD; a GET more if something else than `manifest` is there.
    pub(super) async fn compare(&self, manifest: &Manifest) -> Result<Found, CopyError> {
        let client = &self.destination.client;
        let version = Version::Tag(self.tag.clone());
        let there = match client.manifest_head(self.into, &version).await {
            Ok(Some(head)) => head.digest,
            Ok(None) => return Ok(Found::Nothing),
            Err(error) if error.status() == Some(403) => return Ok(Found::Nothing),
            Err(error) => return Err(blame(Side::Destination)(error)),
        };
        if there == manifest.digest {
            return Ok(Found::Complete(there));
        }
        let Some(signatures) = Signatures::of(manifest) else {
            return Ok(Found::Other(there));
        };
        let there = match client.manifest(self.into, &version).await {
            Ok(there) => there,
            Err(error) if error.is_not_found() => return Ok(Found::Nothing),
            Err(error) if matches!(*error.cause, ErrorCause::Manifest(_)) => {
                return Ok(Found::Other(there));
            }
            Err(error) => return Err(blame(Side::Destination)(error)),
        };
        Ok(match Signatures::of(&there) {
            None => Found::Other(there.digest),
            Some(own) if own.lacking(&signatures) == 0 => Found::Complete(there.digest),
            Some(_) => Found::Incomplete(Box::new(there)),
        })
    }

    /// Adds the signatures of `manifest` to those that are `there`; their layers are in the repository already.
    /// `None` if the two manifests do not fit together after all.
    pub(super) async fn add(
        &self,
        there: &Manifest,
        manifest: &Manifest,
    ) -> Result<Option<Manifest>, CopyError> {
        let (Some(own), Some(signatures)) = (Signatures::of(there), Signatures::of(manifest))
        else {
            return Ok(None);
        };
        let config = self.config(own.config()).await;
        let config = config.map_err(blame(Side::Destination))?;
        let Some(merged) = own.merge(&config, &signatures) else {
            return Ok(None);
        };
        let written = async {
            self.put_config(&merged.config_digest, &merged.config)
                .await?;
            let version = Version::Tag(self.tag.clone());
            let client = &self.destination.client;
            client
                .put_manifest(self.into, &version, &merged.manifest)
                .await
        };
        written.await.map_err(blame(Side::Destination))?;
        Ok(Some(merged.manifest))
    }

    /// The config that is there; nothing if it is not what it should be, since it can be made anew.
    async fn config(&self, config: &Descriptor) -> Result<Vec<u8>, Error> {
        let client = &self.destination.client;
        let mut read = match client.read_blob(self.into, &config.digest, 0).await {
            Ok(read) => read,
            Err(error) if error.is_not_found() => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let (mut bytes, mut hasher) = (Vec::new(), config.digest.hasher());
        while let Some(chunk) = read.next().await? {
            if bytes.len() + chunk.len() > LARGEST_CONFIG {
                return Ok(Vec::new());
            }
            hasher.update(&chunk);
            bytes.extend_from_slice(&chunk);
        }
        let is_whole = hasher.finish() == config.digest;
        Ok(if is_whole { bytes } else { Vec::new() })
    }

    async fn put_config(&self, digest: &Digest, config: &bytes::Bytes) -> Result<(), Error> {
        let client = &self.destination.client;
        let _stream = client.limiter().stream().await;
        let session = client.begin_upload(self.into).await?;
        let size = config.len() as u64;
        let body = reqwest::Body::from(config.clone());
        let timeouts = client.timeouts().answer;
        let sent = timeout(timeouts, client.send_blob(&session, digest, 0, size, body)).await;
        sent.unwrap_or_else(|_: Elapsed| {
            Err(client.stalled_upload(&session, ErrorCause::Stalled(timeouts)))
        })
    }
}
