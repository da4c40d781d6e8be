//! Asks registries for the tags that a list filters, and expands the list to its images.
//!
//! Invariant: at most [`MAX_TAGS`] tags are in memory, whatever the registries answer.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use anyhow::Context as _;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{exit::Exit, list_source, output::tell};
use crate::{
    batch::{Job, JobId},
    list::{List, TagLists},
    present,
    registry::Clients,
};

/// Tag lists fetched at once.
const TAG_READERS: usize = 8;
/// Tags of all repositories with filters, some 30 MB.
const MAX_TAGS: usize = 500_000;

/// The jobs of a list, or the exit code after its mistakes were printed.
pub(super) async fn expand(
    list: &List,
    clients: &Clients,
) -> anyhow::Result<Result<Vec<Job>, Exit>> {
    let room = &AtomicUsize::new(MAX_TAGS);
    let tags: TagLists = stream::iter(list.needs_tags())
        .map(|(registry, repository)| async move {
            let mut tags = Vec::new();
            let mut take = |tag: &str| {
                let left = room.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1));
                tags.extend(left.is_ok().then(|| tag.to_owned()));
                left.is_ok()
            };
            let listed = async {
                let client = clients.get(&registry)?;
                client.for_each_tag(&repository, &mut take).await
            };
            (listed.await)
                .with_context(|| format!("cannot list the tags of {registry}/{repository}"))?;
            anyhow::Ok(((registry, repository), tags))
        })
        .buffer_unordered(TAG_READERS)
        .try_collect()
        .await?;
    let expansion = match list.expand(&tags) {
        Ok(expansion) => expansion,
        Err(mistakes) => return Ok(Err(list_source::report(&mistakes))),
    };
    for warning in &expansion.warnings {
        let warning = warning.to_string();
        tell(format_args!("transship: {}", present::sanitize(&warning)));
    }
    let jobs = (0..)
        .map(JobId)
        .zip(expansion.images)
        .map(|(id, image)| Job {
            id,
            spec: image.spec,
        });
    Ok(Ok(jobs.collect()))
}
