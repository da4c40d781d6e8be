//! When an image was made.
//!
//! Decides where the time is read: what the registry's own API says about a push, else the config of the image.
//! Invariant: a time that builders write to be reproducible, such as 1970, is none.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{error::CatalogueError, repositories::CatalogueSource};
use crate::{
    inspect::{
        Answer, ContentStore, Error, ErrorKind, Inspector, ListedImage, RepositoryId, Request,
        is_attestation,
    },
    oci::{Location, Manifest, ManifestContent, Repository, Tag},
    registry::Client,
};

/// The push times of a repository's tags, where the registry's own API lists them.
pub(super) async fn push_times(
    client: &Client,
    source: CatalogueSource,
    repository: &Repository,
) -> Result<HashMap<String, Timestamp>, CatalogueError> {
    let is_docker_hub = client.registry().is_docker_hub();
    let times = match source {
        CatalogueSource::Harbor => client.harbor_tag_times(repository).await?,
        _ if is_docker_hub => client.docker_hub_tag_times(repository).await?,
        CatalogueSource::Catalogue | CatalogueSource::DockerHub | CatalogueSource::Path => {
            Vec::new()
        }
    };
    let times = times.into_iter();
    let read = times.filter_map(|time| Some((time.tag, real(&time.pushed)?)));
    Ok(read.collect())
}

/// The time in the config of an image; of its first platform if it has several. `None` if there is none.
pub(super) async fn created(
    inspector: &Inspector,
    repository: &RepositoryId,
    tag: &Tag,
) -> Result<Option<Timestamp>, Error> {
    match read(inspector, &ListedImage::tagged(repository, tag.clone()).0).await {
        Err(error) if !matches!(error.kind, ErrorKind::Transient | ErrorKind::Unreachable) => {
            Ok(None)
        }
        read => read,
    }
}

async fn read(inspector: &Inspector, image: &Location) -> Result<Option<Timestamp>, Error> {
    let content = ContentStore::of(image);
    let mut manifest = manifest(inspector, Request::manifest_of(image)).await?;
    if let Some(ManifestContent::Index(children)) = manifest.as_ref().map(|found| &found.content) {
        let Some(child) = children.iter().find(|child| !is_attestation(child)) else {
            return Ok(None);
        };
        let request = Request::Manifest(content.clone(), child.digest.clone());
        manifest = self::manifest(inspector, request).await?;
    }
    let config = match manifest.as_ref().map(|found| &found.content) {
        Some(ManifestContent::Image {
            config: Some(config),
            ..
        }) => config,
        Some(ManifestContent::Image { config: None, .. } | ManifestContent::Index(_)) | None => {
            return Ok(None);
        }
    };
    let request = Request::Config(content, config.digest.clone(), config.media_type.clone());
    Ok(match inspector.answer(&request).await? {
        Answer::Config(config) => {
            let image = config.image.as_ref();
            image.and_then(|image| real(image.created.as_deref()?))
        }
        Answer::Repositories(_)
        | Answer::Images(_)
        | Answer::Manifest(_)
        | Answer::Referrers(_) => None,
    })
}

async fn manifest(
    inspector: &Inspector,
    request: Request,
) -> Result<Option<std::sync::Arc<Manifest>>, Error> {
    Ok(match inspector.answer(&request).await? {
        Answer::Manifest(manifest) => Some(manifest),
        Answer::Repositories(_) | Answer::Images(_) | Answer::Config(_) | Answer::Referrers(_) => {
            None
        }
    })
}

/// A time after the first day of 1970.
fn real(text: &str) -> Option<Timestamp> {
    const DAY: i64 = 24 * 60 * 60;
    let time: Timestamp = text.parse().ok()?;
    (time.as_second() > DAY).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_reproducible_builds_is_none() {
        assert!(real("2026-03-01T12:00:00.5Z").is_some());
        for none in ["1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "", "soon"] {
            assert_eq!(real(none), None, "{none}");
        }
    }
}
