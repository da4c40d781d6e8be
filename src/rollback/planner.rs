//! Looks up every tag of a rollback file.
//!
//! Decides what each tag needs from what it names now. Asks a registry whether it deletes tags alone only where that
//! matters, once for each repository. Invariant: writes nothing.

use std::collections::HashMap;

use futures_util::{StreamExt as _, stream};

use super::{Error, Plan, PlannedTag, Step, WhyLeft};
use crate::{
    delete::deletes_tags_alone,
    oci::{Digest, Location, Reference, Registry, Repository},
    rollback_file::{Before, RollbackFile, TagHistory},
    transport::{LayerFormat, Selector, Stores},
};

/// Tags looked up at once. The registries' limits apply as well.
const LOOKUPS: usize = 16;

/// Looks up the tags of `file`, and the manifests that they named before.
pub async fn plan(stores: &Stores, file: &RollbackFile) -> Plan {
    let looked_up = stream::iter(file.tags())
        .map(|history| async move {
            let step = look_up(stores, &history).await;
            (history, step)
        })
        .buffered(LOOKUPS);
    let looked_up: Vec<_> = looked_up.collect().await;
    let mut deletes: HashMap<(Registry, Repository), bool> = HashMap::new();
    let mut tags = Vec::with_capacity(looked_up.len());
    for (history, step) in looked_up {
        let step = match step {
            Ok(Step::Delete) => may_delete(stores, &history.reference, &mut deletes).await,
            step => step,
        };
        let step = step.unwrap_or_else(Step::Unknown);
        tags.push(PlannedTag { history, step });
    }
    Plan { tags }
}

/// What the tag needs, if its registry can do that.
async fn look_up(stores: &Stores, history: &TagHistory) -> Result<Step, Error> {
    let now = resolve(stores, &history.reference).await?;
    let is_ours = now.as_ref().is_some_and(|now| history.after.contains(now));
    match &history.before {
        Before::Unknown => Ok(Step::Leave(WhyLeft::BeforeUnknown)),
        Before::Digest(before) if now.as_ref() == Some(before) => Ok(Step::Done),
        Before::Nothing if now.is_none() => Ok(Step::Done),
        Before::Digest(_) | Before::Nothing if !is_ours => Ok(Step::Leave(WhyLeft::Changed(now))),
        Before::Digest(before) => {
            let old = Reference {
                tag: None,
                digest: Some(before.clone()),
                ..history.reference.clone()
            };
            Ok(match resolve(stores, &old).await? {
                Some(_) => Step::Restore(before.clone()),
                None => Step::Leave(WhyLeft::ManifestGone(before.clone())),
            })
        }
        Before::Nothing => Ok(Step::Delete),
    }
}

/// What a reference names now.
pub(super) async fn resolve(
    stores: &Stores,
    reference: &Reference,
) -> Result<Option<Digest>, Error> {
    let location = Location::Registry(reference.clone());
    let image = stores.source(&location, LayerFormat::AsStored).await?;
    Ok(image.resolve(Selector::Image).await?)
}

async fn may_delete(
    stores: &Stores,
    reference: &Reference,
    known: &mut HashMap<(Registry, Repository), bool>,
) -> Result<Step, Error> {
    let Reference {
        registry,
        repository,
        ..
    } = reference;
    let place = (registry.clone(), repository.clone());
    let deletes = match known.get(&place) {
        Some(deletes) => *deletes,
        None => {
            let deletes = deletes_tags_alone(stores, registry, repository).await?;
            known.insert(place, deletes);
            deletes
        }
    };
    Ok(match deletes {
        true => Step::Delete,
        false => Step::Leave(WhyLeft::NoTagDeletion),
    })
}
