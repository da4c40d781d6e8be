//! An image with all of its parts, built from cached answers.
//!
//! Decides what has to be read: [`Inspection::missing`] returns the next requests, [`Inspection::of`] the result. Does no
//! I/O. Invariant: a part that could not be read has an error, and the others are still there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use super::{AnswerCache, ContentStore, Error, ImageConfig, Request, Step, config, steps};
use crate::oci::{Descriptor, Digest, Location, Manifest, ManifestContent, MediaType, Platform};

/// Manifests of an index beyond this are not read.
const MAX_IMAGES: usize = 100;

/// Which images of an index are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    #[default]
    All,
    Platform(Platform),
}

/// What a location names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Inspection {
    #[serde(serialize_with = "as_text")]
    pub location: Location,
    pub digest: Digest,
    pub media_type: MediaType,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The manifests of an index that are in scope, in its order; else the image itself.
    pub images: Vec<Image>,
    /// Its referrers. Empty, with an error, if the store does not list them.
    pub referrers: Vec<Descriptor>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Error>,
}

/// One image manifest, with its config and layers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Image {
    pub platform: Option<Platform>,
    pub digest: Digest,
    pub media_type: MediaType,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<MediaType>,
    /// Whether it is an attestation of another image, which cannot be run.
    pub attestation: bool,
    /// Bytes of config and layers, each blob once. `None` if the manifest was not read.
    pub size: Option<u64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    pub config: Option<ImageConfig>,
    pub layers: Vec<Descriptor>,
    /// Build steps; positions are those in `layers`.
    pub history: Vec<Step>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Error>,
}

impl Inspection {
    /// The requests to make next. Empty when everything in `scope` was read or failed.
    #[must_use]
    pub fn missing(image: &Location, scope: &Scope, known: &AnswerCache) -> Vec<Request> {
        let root = match known.root(image) {
            None => return vec![Request::manifest_of(image)],
            Some(Err(_)) => return Vec::new(),
            Some(Ok(root)) => root,
        };
        let content = ContentStore::of(image);
        let mut requests = vec![Request::Referrers(content.clone(), root.digest.clone())];
        if let ManifestContent::Index(_) = root.content {
            for child in in_scope(root, scope) {
                match known.manifest(&content, &child.digest) {
                    Some(Ok(manifest)) => requests.extend(config_of(&content, manifest)),
                    Some(Err(_)) => {}
                    None => {
                        requests.push(Request::Manifest(content.clone(), child.digest.clone()));
                    }
                }
            }
        } else {
            requests.extend(config_of(&content, root));
        }
        requests.retain(|request| known.get(request).is_none());
        requests
    }

    /// The image, from the answers so far.
    ///
    /// # Errors
    /// Its root manifest could not be read, or was not requested yet.
    pub fn of(location: &Location, scope: &Scope, known: &AnswerCache) -> Result<Self, Error> {
        let root = match known.root(location) {
            Some(Ok(root)) => root,
            Some(Err(error)) => return Err(error.clone()),
            None => return Err(unread(location)),
        };
        let content = ContentStore::of(location);
        let images = match root.content {
            ManifestContent::Index(_) => (in_scope(root, scope))
                .map(|child| Image::of(&content, child, known))
                .collect(),
            ManifestContent::Image { .. } => vec![Image::read(&content, None, root, known)],
        };
        let mut errors = Vec::new();
        let referrers = match known.referrers(&content, &root.digest) {
            Some(Ok(referrers)) => referrers.entries.clone(),
            Some(Err(error)) => {
                errors.push(error.clone());
                Vec::new()
            }
            None => Vec::new(),
        };
        Ok(Self {
            location: location.clone(),
            digest: root.digest.clone(),
            media_type: root.media_type.clone(),
            annotations: annotations(root),
            images,
            referrers,
            errors,
        })
    }

    /// The image that `platform` selects, or the first.
    #[must_use]
    pub fn select(&self, platform: Option<&Platform>) -> Option<&Image> {
        let images = || self.images.iter().filter(|image| !image.attestation);
        let selected = |wanted: &Platform| {
            images().find(|image| {
                let platform = image.platform.as_ref();
                platform.is_some_and(|platform| wanted.selects(platform))
            })
        };
        match platform {
            Some(platform) => selected(platform),
            None => images().next(),
        }
    }
}

impl Image {
    fn of(content: &ContentStore, child: &Descriptor, known: &AnswerCache) -> Self {
        let found = known.manifest(content, &child.digest);
        if let Some(Ok(manifest)) = found {
            return Self::read(content, Some(child), manifest, known);
        }
        let error = found.and_then(Result::err).cloned();
        Self {
            platform: child.platform.clone(),
            digest: child.digest.clone(),
            media_type: child.media_type.clone(),
            artifact_type: child.artifact_type.clone(),
            attestation: is_attestation(child),
            size: None,
            annotations: child.annotations.clone(),
            config: None,
            layers: Vec::new(),
            history: Vec::new(),
            errors: error.into_iter().collect(),
        }
    }

    fn read(
        content: &ContentStore,
        child: Option<&Descriptor>,
        manifest: &Manifest,
        known: &AnswerCache,
    ) -> Self {
        let mut errors = Vec::new();
        let mut image_config = None;
        let (layers, artifact_type) = match &manifest.content {
            ManifestContent::Index(_) => (Vec::new(), None),
            ManifestContent::Image {
                config,
                layers,
                artifact_type,
            } => {
                let found = config
                    .as_ref()
                    .and_then(|config| known.config(content, &config.digest, &config.media_type));
                match found {
                    Some(Ok(config)) => image_config.clone_from(&config.image),
                    Some(Err(error)) => errors.push(error.clone()),
                    None => {}
                }
                (layers.clone(), artifact_type.clone())
            }
        };
        let history = image_config
            .as_ref()
            .map_or(&[][..], |config| config.history.as_slice());
        Self {
            platform: child
                .and_then(|child| child.platform.clone())
                .or_else(|| image_config.as_ref().and_then(platform)),
            digest: manifest.digest.clone(),
            media_type: manifest.media_type.clone(),
            artifact_type,
            attestation: child.is_some_and(is_attestation),
            size: Some(size(manifest)),
            annotations: match child {
                Some(child) => {
                    let mut all = annotations(manifest);
                    all.extend(child.annotations.clone());
                    all
                }
                // They are in the inspection.
                None => BTreeMap::new(),
            },
            history: steps(layers.len(), history),
            config: image_config,
            layers,
            errors,
        }
    }
}

/// The annotations of a manifest or index.
#[must_use]
pub fn annotations(manifest: &Manifest) -> BTreeMap<String, String> {
    #[derive(Deserialize)]
    struct Annotated {
        annotations: Option<BTreeMap<String, String>>,
    }
    serde_json::from_slice(&manifest.raw)
        .ok()
        .and_then(|Annotated { annotations }| annotations)
        .unwrap_or_default()
}

/// Whether an entry of an index is a BuildKit attestation, which cannot be run.
#[must_use]
pub fn is_attestation(child: &Descriptor) -> bool {
    child
        .annotations
        .get("vnd.docker.reference.type")
        .is_some_and(|kind| kind == "attestation-manifest")
}

/// Bytes of config and layers, each blob once.
fn size(manifest: &Manifest) -> u64 {
    let blobs: BTreeMap<_, _> = (manifest.blobs())
        .map(|blob| (&blob.digest, blob.size))
        .collect();
    blobs
        .values()
        .fold(0, |sum, size| sum.saturating_add(*size))
}

fn platform(config: &ImageConfig) -> Option<Platform> {
    Some(Platform {
        os: config.os.clone()?,
        architecture: config.architecture.clone()?,
        variant: config.variant.clone(),
        os_version: config.os_version.clone(),
    })
}

fn in_scope<'a>(index: &'a Manifest, scope: &'a Scope) -> impl Iterator<Item = &'a Descriptor> {
    index
        .children()
        .iter()
        .filter(move |child| match scope {
            Scope::All => true,
            Scope::Platform(selected) => {
                (child.platform.as_ref()).is_some_and(|platform| selected.selects(platform))
            }
        })
        // An index may list blobs as well (quirk 49, see registry/quirks.md).
        .filter(|child| child.media_type.is_manifest())
        .take(MAX_IMAGES)
}

fn config_of(content: &ContentStore, manifest: &Manifest) -> Option<Request> {
    match &manifest.content {
        ManifestContent::Image {
            config: Some(config),
            ..
        } if config::is_image(&config.media_type) => Some(Request::Config(
            content.clone(),
            config.digest.clone(),
            config.media_type.clone(),
        )),
        _ => None,
    }
}

/// As an operator writes it.
fn as_text<S: Serializer>(location: &Location, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(location)
}

fn unread(location: &Location) -> Error {
    Error {
        store: location.store(),
        operation: "read the manifest".into(),
        message: "was not asked yet".into(),
        kind: super::ErrorKind::Internal,
        hint: None,
    }
}
