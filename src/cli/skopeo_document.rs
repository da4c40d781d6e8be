//! What `skopeo inspect` prints, for scripts that read it.
//!
//! Decides the fields of one image from an inspection; their names and order are those of skopeo 1.18. Invariant: an image
//! that skopeo would refuse to describe is an error here.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use serde::Serialize;

use super::read_error::ReadError;
use crate::{
    inspect::{Answer, Collection, Inspection, Inspector, Request},
    oci::{Descriptor, Location, Platform},
};

/// The JSON document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SkopeoDocument {
    /// The registry and repository; empty for a store of this machine.
    name: String,
    /// Of an index, the digest of the index.
    digest: String,
    repo_tags: Vec<String>,
    created: Option<String>,
    docker_version: String,
    labels: Option<BTreeMap<String, String>>,
    architecture: String,
    os: String,
    layers: Vec<String>,
    layers_data: Vec<LayerData>,
    env: Option<Vec<String>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct LayerData {
    #[serde(rename = "MIMEType")]
    media_type: String,
    digest: String,
    /// Bytes.
    size: u64,
    annotations: Option<BTreeMap<String, String>>,
}

impl SkopeoDocument {
    /// Describes the image of `platform`, or of this machine's platform.
    ///
    /// # Errors
    /// If the inspection has no such image, or its config is not that of an image.
    pub(super) fn new(
        inspection: &Inspection,
        platform: Option<&Platform>,
        tags: Vec<String>,
    ) -> anyhow::Result<Self> {
        let machine = Platform::of_this_machine();
        let platform = platform.unwrap_or(&machine);
        let location = &inspection.location;
        let image = match inspection.media_type.is_index() {
            true => inspection.select(Some(platform)),
            false => inspection.images.first(),
        };
        let Some(image) = image else {
            let text = format!("{location} has no image for {platform}");
            return Err(ReadError::not_found(text).into());
        };
        if let Some(error) = image.errors.first() {
            bail!("{location}: failed to {error}");
        }
        let config = image.config.as_ref();
        let config = config.with_context(|| format!("{location} has no config of an image"))?;
        Ok(Self {
            name: match location {
                Location::Registry(reference) => {
                    format!("{}/{}", reference.registry, reference.repository)
                }
                Location::Local(_) => String::new(),
            },
            digest: inspection.digest.to_string(),
            repo_tags: tags,
            created: config.created.clone(),
            docker_version: config.docker_version.clone().unwrap_or_default(),
            labels: Some(config.labels.clone()).filter(|labels| !labels.is_empty()),
            architecture: config.architecture.clone().unwrap_or_default(),
            os: config.os.clone().unwrap_or_default(),
            layers: (image.layers.iter())
                .map(|layer| layer.digest.to_string())
                .collect(),
            layers_data: image.layers.iter().map(LayerData::of).collect(),
            env: Some(config.environment.clone()).filter(|variables| !variables.is_empty()),
        })
    }
}

impl LayerData {
    fn of(layer: &Descriptor) -> Self {
        Self {
            media_type: layer.media_type.to_string(),
            digest: layer.digest.to_string(),
            size: layer.size,
            annotations: Some(layer.annotations.clone())
                .filter(|annotations| !annotations.is_empty()),
        }
    }
}

/// The tags of the image's repository; none for a store of this machine.
pub(super) async fn repository_tags(
    inspector: &Inspector,
    image: &Location,
) -> anyhow::Result<Vec<String>> {
    let Collection::Repository(repository) = Collection::of(image) else {
        return Ok(Vec::new());
    };
    let request = Request::Images(Collection::Repository(repository));
    match inspector.answer(&request).await.map_err(ReadError::from)? {
        Answer::Images(listing) => Ok(listing.entries.iter().map(ToString::to_string).collect()),
        _ => bail!("the inspector did not return tags"),
    }
}
