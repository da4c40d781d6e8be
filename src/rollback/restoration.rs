//! Carries out what is planned for one tag.
//!
//! Decides nothing. Invariant: the tag is looked up again just before it is changed, and changed only if it still names
//! what the batch wrote.

use super::{Error, PlannedTag, Step, planner::resolve};
use crate::{
    delete::{self, Deletion, Way},
    oci::{Digest, Location, Reference, Tag},
    retag,
    rollback_file::TagHistory,
    transport::Stores,
};

/// Puts one tag back. Tags that are not to change are not touched.
///
/// # Errors
/// If the tag was changed meanwhile, or its registry refuses.
pub async fn roll_back(stores: &Stores, planned: &PlannedTag) -> Result<(), Error> {
    let history = &planned.history;
    let Some(tag) = &history.reference.tag else {
        return Ok(());
    };
    match &planned.step {
        Step::Restore(before) => restore(stores, history, tag, before).await,
        Step::Delete => {
            check(history, resolve(stores, &history.reference).await?)?;
            let Reference {
                registry,
                repository,
                ..
            } = history.reference.clone();
            let deletion = Deletion {
                images: vec![Location::Registry(history.reference.clone())],
                way: Way::Tag {
                    registry,
                    repository,
                    tag: tag.clone(),
                },
            };
            Ok(delete::delete(stores, &deletion).await?)
        }
        Step::Done | Step::Leave(_) | Step::Unknown(_) => Ok(()),
    }
}

async fn restore(
    stores: &Stores,
    history: &TagHistory,
    tag: &Tag,
    before: &Digest,
) -> Result<(), Error> {
    let old = Location::Registry(Reference {
        tag: None,
        digest: Some(before.clone()),
        ..history.reference.clone()
    });
    let plan = retag::Plan::new(stores, &old, std::slice::from_ref(tag)).await?;
    for new in &plan.tags {
        check(history, new.names.clone())?;
        plan.write(stores, new).await?;
    }
    Ok(())
}

/// Whether the tag still names what the batch wrote.
fn check(history: &TagHistory, now: Option<Digest>) -> Result<(), Error> {
    match now {
        Some(now) if history.after.contains(&now) => Ok(()),
        now => Err(Error::Changed(now)),
    }
}
