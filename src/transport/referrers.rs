//! Referrers of a manifest, from the store's list or from the index under the fallback tag (distribution-spec "Listing
//! Referrers", "Referrers Tag Schema").
//!
//! Decides which of the two counts. Invariant: a refused question is never an empty list.

use super::{Error, Referrers, Selector, Source};
use crate::{
    oci::{Attachments, Descriptor, Digest},
    registry::ImageBudget,
};

/// The manifests that refer to `subject`, charged to `budget`. The error is a refusal: there may be any number of them.
///
/// # Errors
/// Failures that may be temporary, and unreadable lists. A missing list is no error.
pub async fn referrers(
    source: &dyn Source,
    subject: &Digest,
    budget: &ImageBudget<'_>,
) -> Result<Result<Vec<Descriptor>, Error>, Error> {
    let listed = source.referrers(subject, budget).await?;
    referrers_after(source, listed, subject, true, budget).await
}

/// The second half of [`referrers`], after the store's own list. `may_be_tagged` is false if the caller knows that the
/// repository has no fallback tag of the subject.
///
/// # Errors
/// As there.
pub async fn referrers_after(
    source: &dyn Source,
    listed: Referrers,
    subject: &Digest,
    may_be_tagged: bool,
    budget: &ImageBudget<'_>,
) -> Result<Result<Vec<Descriptor>, Error>, Error> {
    let refused = match listed {
        Referrers::Listed(referrers) => return Ok(Ok(referrers)),
        Referrers::NoApi => None,
        Referrers::Refused(error) => Some(error),
    };
    let none = |refused: Option<Error>| refused.map_or(Ok(Vec::new()), Err);
    let Some(tag) = Attachments::fallback_tag(subject).filter(|_| may_be_tagged) else {
        return Ok(none(refused));
    };
    match source.manifest(Selector::Tag(&tag), budget).await {
        Ok(index) if index.media_type.is_index() => Ok(Ok(index.children().to_vec())),
        // An image with this tag lists nothing.
        Ok(_) => Ok(none(refused)),
        Err(error) if error.is_not_found() => Ok(none(refused)),
        Err(error) if error.status() == Some(403) => Ok(Err(refused.unwrap_or(error))),
        Err(error) => Err(error),
    }
}
