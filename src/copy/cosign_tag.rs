//! One cosign tag at a destination that may have signatures of its own: `sha256-HEX.sig`, `.att`, `.sbom`.
//!
//! Decides how the source's manifest compares with the one under the tag, and merges signatures. What happens to a
//! manifest that cannot be merged is decided in `cosign_push`. Invariant: the tag is read again before it is written,
//! unless this batch writes it first in a new repository; see `cosign_locks`.

use super::{
    CopyError, error::blame, image_context, small_blob::read_small_blob, tag_record::keep_tag,
};
use crate::{
    batch::Side,
    oci::{Descriptor, Digest, Manifest, Signatures, Tag},
    registry::ImageBudget,
    transport::{Destination, Error, Selector},
};

/// The config of 10,000 signatures has 1.2 MB.
const MAX_CONFIG_BYTES: usize = 4 << 20;

pub(super) struct CosignTag<'a> {
    pub destination: &'a image_context::Side<dyn Destination>,
    pub tag: &'a Tag,
}

/// What the destination has under a cosign tag, compared with the source's manifest.
pub(super) enum TagContent {
    /// Nothing; or the registry refuses to say, as some do for tags that do not exist (quirk 25, see
    /// registry/quirks.md).
    Nothing,
    /// This manifest, which has everything of the source's.
    Complete(Digest),
    /// Signatures, but not all of the source's.
    Incomplete(Box<Manifest>),
    /// A manifest that nothing can be merged into.
    Other(Digest),
}

impl CosignTag<'_> {
    /// Locks the tag, compares it with `manifest`, and calls `write` with the result.
    pub(super) async fn locked<T>(
        &self,
        manifest: &Manifest,
        write: impl AsyncFnOnce(TagContent) -> Result<T, CopyError>,
    ) -> Result<T, CopyError> {
        let (state, scope) = (&self.destination.state, &self.destination.scope);
        let (lock, is_first) = state.cosign_locks.get(scope, self.tag);
        // Fails only if the semaphore is closed, which it never is.
        let _permit = lock.acquire().await;
        let content = match is_first && self.destination.image.is_known_empty() {
            true => TagContent::Nothing,
            false => self.compare(manifest).await?,
        };
        write(content).await
    }

    /// Costs a HEAD, and a GET if the tag has another manifest than `manifest`.
    pub(super) async fn compare(&self, manifest: &Manifest) -> Result<TagContent, CopyError> {
        let (image, selector) = (&self.destination.image, Selector::Tag(self.tag));
        let digest = match image.resolve(selector).await {
            Ok(Some(digest)) => digest,
            Ok(None) => return Ok(TagContent::Nothing),
            Err(error) if error.status() == Some(403) => return Ok(TagContent::Nothing),
            Err(error) => return Err(blame(Side::Destination)(error)),
        };
        if digest == manifest.digest {
            return Ok(TagContent::Complete(digest));
        }
        let Some(signatures) = Signatures::of(manifest) else {
            return Ok(TagContent::Other(digest));
        };
        let budget = ImageBudget::new(|| ());
        let existing = match image.manifest(selector, &budget).await {
            Ok(existing) => existing,
            Err(error) if error.is_not_found() => return Ok(TagContent::Nothing),
            Err(error) if error.manifest_problem().is_some() => {
                return Ok(TagContent::Other(digest));
            }
            Err(error) => return Err(blame(Side::Destination)(error)),
        };
        Ok(match Signatures::of(&existing) {
            None => TagContent::Other(existing.digest),
            Some(own) if own.lacking(&signatures) == 0 => TagContent::Complete(existing.digest),
            Some(_) => TagContent::Incomplete(Box::new(existing)),
        })
    }

    /// Adds the signatures of `manifest` to those of `existing`. Their layers are in the repository already. Returns
    /// `None` if the two manifests cannot be merged.
    pub(super) async fn merge(
        &self,
        existing: &Manifest,
        manifest: &Manifest,
    ) -> Result<Option<Manifest>, CopyError> {
        let (Some(own), Some(signatures)) = (Signatures::of(existing), Signatures::of(manifest))
        else {
            return Ok(None);
        };
        let config = self.config(own.config()).await;
        let config = config.map_err(blame(Side::Destination))?;
        let Some(merged) = own.merge(&config, &signatures) else {
            return Ok(None);
        };
        keep_tag(self.destination, self.tag, &merged.manifest.digest).await?;
        let written = async {
            let image = &self.destination.image;
            image
                .put_bytes(&merged.config_digest, merged.config)
                .await?;
            let put = image.put_manifest(Selector::Tag(self.tag), &merged.manifest);
            put.await
        };
        written.await.map_err(blame(Side::Destination))?;
        Ok(Some(merged.manifest))
    }

    /// Reads the config of the existing signatures. Empty if it is missing or wrong: `merge` can rebuild it.
    async fn config(&self, config: &Descriptor) -> Result<Vec<u8>, Error> {
        let image = &*self.destination.image;
        let read = read_small_blob(image, &config.digest, MAX_CONFIG_BYTES).await?;
        Ok(read.unwrap_or_default())
    }
}

/// Says why a manifest under a cosign tag was not copied, and how to copy it.
pub(super) fn unmergeable_note(tag: &Tag, existing: &Digest, wanted: &Digest) -> String {
    format!(
        "{tag} is not copied: the destination has {existing} under it and the source has {wanted}, which cannot be \
         merged; to use the source's, delete the tag at the destination and copy again with `recheck-attachments`"
    )
}
