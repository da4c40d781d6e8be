//! Compares two manifests under a cosign tag that have different digests.
//!
//! Decides whether the destination has all signatures of the source and some of its own: a copy that merges signatures
//! leaves it so.

use super::{
    destination_tree::DestinationRepository,
    difference::{Note, VerifyError},
};
use crate::{
    oci::{Digest, Manifest, Repository, Signatures, Tag, Version},
    registry::{Client, Error, ErrorCause, ImageBudget},
};

pub(super) async fn compare_signatures(
    (source, source_repository): (&Client, &Repository),
    destination: &DestinationRepository<'_>,
    tag: &Tag,
    expected: &Digest,
    got: &Digest,
) -> Result<Option<Note>, VerifyError> {
    let budget = destination.budget;
    let expected = read(source, source_repository, expected, budget).await;
    let expected = expected.map_err(VerifyError::Source)?;
    let got = read(destination.client, destination.repository, got, budget).await;
    let got = got.map_err(VerifyError::Destination)?;
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
async fn read(
    client: &Client,
    repository: &Repository,
    digest: &Digest,
    budget: &ImageBudget<'_>,
) -> Result<Option<Manifest>, Error> {
    let version = Version::Digest(digest.clone());
    match client.manifest_within(repository, &version, budget).await {
        Ok(manifest) => Ok(Some(manifest)),
        Err(error) if matches!(*error.cause, ErrorCause::Manifest(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
