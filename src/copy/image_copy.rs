//! Copies one image: blobs first, then manifests, then the tag. The tag of an image of a group is left for later.
//!
//! Decides what to try again when the destination refuses a manifest: a missing repository is created, and missing
//! content is copied again. Invariant: each is tried once.

use std::cmp::Reverse;

use futures_util::{StreamExt, stream::FuturesUnordered};

use super::{
    CopyError, CopyOutcome,
    blob_copy::BlobCopy,
    copy_plan::{CopyPlan, RootTag},
    image_context::ImageContext,
    image_limits::MAX_PENDING,
    image_lookup::{Lookup, look_up},
    planner::remake_plan,
    push_manifests::{ManifestPush, RootName},
};
use crate::{
    batch::Side,
    oci::Location,
    registry::{ErrorCause, FailureClass, Operation, Refusal},
    transport::Error,
};

pub(super) async fn copy_image(image: &ImageContext<'_>) -> Result<CopyOutcome, CopyError> {
    let mut plan = match look_up(image).await? {
        Lookup::UpToDate(root) => return Ok(CopyOutcome::UpToDate { root }),
        Lookup::Kept(there) => return Ok(CopyOutcome::Kept { there }),
        Lookup::Missing { plan, .. } => plan,
    };
    let mut provisioner = image.destination.state.provisioner.as_ref();
    let mut is_replanned = false;
    loop {
        let error = match carry_out(image, &plan).await {
            Ok(outcome) => return Ok(outcome),
            Err(error) => error,
        };
        if is_missing_repository(&error)
            && let Some(provisioner) = provisioner.take()
            && let Some(repository) = image.destination_location().repository()
        {
            let created = provisioner.create(repository);
            created.await.map_err(CopyError::Create)?;
        } else if is_missing_content(&error) && !is_replanned {
            // What the journal, this batch or an answer said is there is gone (quirk 47, see registry/quirks.md).
            is_replanned = true;
            *plan = remake_plan(image, *plan).await?;
        } else {
            return Err(error);
        }
    }
}

async fn carry_out(image: &ImageContext<'_>, plan: &CopyPlan) -> Result<CopyOutcome, CopyError> {
    copy_blobs(image, plan).await?;
    let push = ManifestPush::new(image.destination, image.report);
    if plan.tag == RootTag::Present {
        return push.push_missing_attachments(plan).await;
    }
    let name = match image.destination_location() {
        Location::Registry(reference) => match &reference.tag {
            Some(_) if image.job.spec.group.is_some() => return stage(image, plan, push).await,
            Some(tag) => RootName::Tag(tag),
            None => RootName::Digest,
        },
        Location::Local(_) => RootName::Stored,
    };
    push.push(plan, name).await
}

/// Writes everything but the tag. Attachments are written as well: cosign's tags are named by the digest of the image, so
/// no tag that is in use changes.
async fn stage(
    image: &ImageContext<'_>,
    plan: &CopyPlan,
    push: ManifestPush<'_>,
) -> Result<CopyOutcome, CopyError> {
    push.push(plan, RootName::Digest).await?;
    let manifest = plan.image.root.clone();
    let root = manifest.digest.clone();
    image.staged.insert(image.job_id(), manifest);
    Ok(CopyOutcome::Staged { root })
}

/// Copies the blobs, the largest first. A blob that fails does not cancel the others, since the next attempt would have
/// to send them again. Of several errors, that of the largest blob is returned.
async fn copy_blobs(image: &ImageContext<'_>, plan: &CopyPlan) -> Result<(), CopyError> {
    let mut blobs: Vec<_> = plan.blobs.iter().collect();
    blobs.sort_by_key(|blob| Reverse(blob.size));
    let mut waiting = blobs.into_iter().enumerate();
    let copy = async |(at, blob)| (at, BlobCopy::new(image, blob).run().await);
    let mut copies: FuturesUnordered<_> = waiting.by_ref().take(MAX_PENDING).map(copy).collect();
    let mut failed: Option<(usize, CopyError)> = None;
    while let Some((at, copied)) = copies.next().await {
        if let Err(error) = copied
            && failed.as_ref().is_none_or(|(first, _)| at < *first)
        {
            failed = Some((at, error));
        }
        copies.extend(waiting.next().map(copy));
    }
    failed.map_or(Ok(()), |(_, error)| Err(error))
}

fn is_missing_repository(error: &CopyError) -> bool {
    matches!(
        error.refused(),
        Some(Refusal::MissingRepository | Refusal::MissingProject)
    )
}

/// Whether the destination refused a manifest because it does not have something below it, or the repository.
fn is_missing_content(error: &CopyError) -> bool {
    let CopyError::Store {
        side: Side::Destination,
        error: Error::Registry(error),
    } = error
    else {
        return false;
    };
    let is_repository_gone = error.operation == Operation::PutManifest
        && error.refusal() == Some(Refusal::MissingRepository);
    is_repository_gone
        || matches!(
            error.class(),
            FailureClass::Rejected | FailureClass::NotFound
        ) && matches!(&*error.cause, ErrorCause::Status { code: Some(code), .. }
            if matches!(code.as_str(), "MANIFEST_BLOB_UNKNOWN" | "BLOB_UNKNOWN" | "MANIFEST_UNKNOWN"))
}
