//! Writes the tag of a staged image.
//!
//! Decides whether the tag may still be written: the list's rule for existing tags is applied again, since the tag may
//! have changed after the image was staged. Invariant: the tag names the manifest that was staged, byte for byte.

use super::{
    CopyError, CopyOutcome,
    error::blame,
    image_context::ImageContext,
    image_lookup::{StagedTag, check_tag},
    manifest_reader::ManifestReader,
    push_manifests::{ManifestPush, RootName},
};
use crate::{
    batch::Side,
    oci::{Digest, Location, Manifest},
    transport::Selector,
};

/// Writes the tag of the image whose manifest `root` is at the destination.
pub(super) async fn tag_image(
    image: &ImageContext<'_>,
    root: &Digest,
) -> Result<CopyOutcome, CopyError> {
    let written = || CopyOutcome::Copied { root: root.clone() };
    let tag = match image.destination_location() {
        Location::Registry(reference) => reference.tag.as_ref(),
        Location::Local(_) => None,
    };
    let Some(tag) = tag else {
        return Ok(written());
    };
    if check_tag(image, root).await? == StagedTag::Written {
        return Ok(written());
    }
    let manifest = match image.staged.take(image.job_id(), root) {
        Some(manifest) => manifest,
        None => read_back(image, root).await?,
    };
    let push = ManifestPush::new(image.destination, image.report);
    push.put_root(RootName::Tag(tag), &manifest).await
}

/// The manifest as the destination has it.
async fn read_back(image: &ImageContext<'_>, root: &Digest) -> Result<Manifest, CopyError> {
    let reader = ManifestReader {
        source: &*image.destination.image,
        budget: &image.budget,
    };
    let manifest = reader.manifest(Selector::Digest(root)).await;
    manifest.map_err(blame(Side::Destination))
}
