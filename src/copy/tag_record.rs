//! Keeps what a tag names in the rollback file, before the tag is written.
//!
//! Decides what is asked: the tag, again, since it may have changed after the copy was planned. Without a rollback file
//! nothing is asked. Invariant: a tag whose old digest is not on disk is not written.

use super::{CopyError, error::blame, image_context, scope::Scope};
use crate::{
    batch::Side,
    oci::{Digest, Reference, Store, Tag},
    rollback_file::{Before, TagChange},
    transport::{Destination, Selector},
};

/// To be called before `tag` is made to name `after`.
pub(super) async fn keep_tag(
    destination: &image_context::Side<dyn Destination>,
    tag: &Tag,
    after: &Digest,
) -> Result<(), CopyError> {
    let Some(log) = &destination.state.tag_log else {
        return Ok(());
    };
    let (Store::Registry(registry), Scope::Repository(repository)) =
        (destination.image.store(), &destination.scope)
    else {
        return Ok(());
    };
    let before = match destination.image.resolve(Selector::Tag(tag)).await {
        Ok(Some(there)) if there == *after => return Ok(()),
        Ok(Some(there)) => Before::Digest(there),
        Ok(None) => Before::Nothing,
        Err(error) if error.status() == Some(403) => Before::Unknown,
        Err(error) => return Err(blame(Side::Destination)(error)),
    };
    let change = TagChange {
        reference: Reference {
            registry: registry.clone(),
            repository: repository.clone(),
            tag: Some(tag.clone()),
            digest: None,
        },
        before,
        after: after.clone(),
    };
    log.keep(change).await.map_err(CopyError::NotKept)
}
