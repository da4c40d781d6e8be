//! Compares two manifests under a cosign tag that have different digests.
//!
//! Decides whether the destination has all signatures of the source and some of its own: a copy that merges signatures
//! leaves it so.

use super::{
    difference::{Note, VerifyError},
    side::ComparedSide,
};
use crate::{
    oci::{Digest, Manifest, Signatures, Tag},
    transport::Selector,
};

pub(super) async fn compare_signatures(
    source: &ComparedSide<'_>,
    destination: &ComparedSide<'_>,
    tag: &Tag,
    expected: &Digest,
    got: &Digest,
) -> Result<Option<Note>, VerifyError> {
    let expected = read(source, expected).await?;
    let got = read(destination, got).await?;
    let [expected, got] =
        [&expected, &got].map(|manifest| manifest.as_ref().and_then(Signatures::of));
    let (Some(expected), Some(got)) = (expected, got) else {
        return Ok(None);
    };
    Ok((got.lacking(&expected) == 0).then(|| Note::MoreSignatures {
        tag: tag.clone(),
        more: expected.lacking(&got),
    }))
}

/// `None` for a manifest that has no readable form.
async fn read(side: &ComparedSide<'_>, digest: &Digest) -> Result<Option<Manifest>, VerifyError> {
    match side.manifest(Selector::Digest(digest)).await {
        Ok(manifest) => Ok(Some(manifest)),
        Err(failed) if failed.error.manifest_problem().is_some() => Ok(None),
        Err(failed) => Err(failed),
    }
}
