//! Finds out what copying one image takes, without writing anything.
//!
//! Decides what is asked ahead of the copy. Invariant: the copy does not ask again for what the preflight found: blobs
//! are kept with the claims, plans in the plan cache as long as there is room.

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{
    CopyError,
    blob_copy::BlobCopy,
    image_context::ImageContext,
    image_limits::{MAX_PENDING, MAX_READS},
    image_lookup::{Lookup, look_up},
};
use crate::oci::Digest;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PreflightOutcome {
    UpToDate {
        root: Digest,
    },
    /// The destination tag names another image, which the list says to keep.
    Kept {
        there: Digest,
    },
    /// It has to be copied; the plan was reported.
    Missing,
}

pub(super) async fn preflight(image: &ImageContext<'_>) -> Result<PreflightOutcome, CopyError> {
    let (source, plan) = match look_up(image).await? {
        Lookup::UpToDate(root) => return Ok(PreflightOutcome::UpToDate { root }),
        Lookup::Kept(there) => return Ok(PreflightOutcome::Kept { there }),
        Lookup::Missing { source, plan } => (source, plan),
    };
    if plan.is_present() {
        let root = plan.image.root.digest.clone();
        return Ok(PreflightOutcome::UpToDate { root });
    }
    for some in plan.blobs.chunks(MAX_PENDING) {
        let checks: Vec<_> = (some.iter())
            .map(|blob| BlobCopy::new(image, blob).check())
            .collect();
        stream::iter(checks)
            .buffer_unordered(MAX_READS)
            .try_collect::<()>()
            .await?;
    }
    if !image.budget.is_large() {
        image.plan_cache.insert(image.job_id(), source, plan);
    }
    Ok(PreflightOutcome::Missing)
}
