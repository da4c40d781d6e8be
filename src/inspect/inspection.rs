//! An image with all of its parts, built from cached answers.
//!
//! Decides what has to be read: [`Inspection::missing`] returns the next requests, [`Inspection::of`] the result. Does no
//! I/O. Invariant: a part that could not be read has an error, and the others are still there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{AnswerCache, Error, ImageConfig, RepositoryId, Request, Step, config, steps};
use crate::oci::{
    Descriptor, Digest, Manifest, ManifestContent, MediaType, Platform, Reference, Version,
};

/// Manifests of an index beyond this are not read.
const MAX_IMAGES: usize = 100;

/// Which images of an index are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    #[default]
    All,
    Platform(Platform),
}

/// What a reference names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Inspection {
    pub reference: Reference,
    pub digest: Digest,
    pub media_type: MediaType,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The manifests of an index that are in scope, in its order; else the image itself.
    pub images: Vec<Image>,
    /// Its referrers. Empty, with an error, if the registry does not list them.
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
    pub fn missing(reference: &Reference, scope: &Scope, known: &AnswerCache) -> Vec<Request> {
        let repository = RepositoryId::of(reference);
        let root = match known.manifest(&repository, &reference.version()) {
            None => return vec![Request::manifest_of(reference)],
            Some(Err(_)) => return Vec::new(),
            Some(Ok(root)) => root,
        };
        let mut requests = vec![Request::Referrers(repository.clone(), root.digest.clone())];
        if let ManifestContent::Index(_) = root.content {
            for child in in_scope(root, scope) {
                match known.manifest(&repository, &Version::Digest(child.digest.clone())) {
                    Some(Ok(manifest)) => requests.extend(config_of(&repository, manifest)),
                    Some(Err(_)) => {}
                    None => {
                        let version = Version::Digest(child.digest.clone());
                        requests.push(Request::Manifest(repository.clone(), version));
                    }
                }
            }
        } else {
            requests.extend(config_of(&repository, root));
        }
        requests.retain(|request| known.get(request).is_none());
        requests
    }

    /// The image, from the answers so far.
    ///
    /// # Errors
    /// Its root manifest could not be read, or was not requested yet.
    pub fn of(reference: &Reference, scope: &Scope, known: &AnswerCache) -> Result<Self, Error> {
        let repository = RepositoryId::of(reference);
        let root = match known.manifest(&repository, &reference.version()) {
            Some(Ok(root)) => root,
            Some(Err(error)) => return Err(error.clone()),
            None => return Err(unread(&repository)),
        };
        let images = match root.content {
            ManifestContent::Index(_) => (in_scope(root, scope))
                .map(|child| Image::of(&repository, child, known))
                .collect(),
            ManifestContent::Image { .. } => vec![Image::read(&repository, None, root, known)],
        };
        let mut errors = Vec::new();
        let referrers = match known.referrers(&repository, &root.digest) {
            Some(Ok(referrers)) => referrers.entries.clone(),
            Some(Err(error)) => {
                errors.push(error.clone());
                Vec::new()
            }
            None => Vec::new(),
        };
        Ok(Self {
            reference: reference.clone(),
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
    fn of(repository: &RepositoryId, child: &Descriptor, known: &AnswerCache) -> Self {
        let version = Version::Digest(child.digest.clone());
        let found = known.manifest(repository, &version);
        if let Some(Ok(manifest)) = found {
            return Self::read(repository, Some(child), manifest, known);
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
        repository: &RepositoryId,
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
                let found = config.as_ref().and_then(|config| {
                    known.config(repository, &config.digest, &config.media_type)
                });
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

fn config_of(repository: &RepositoryId, manifest: &Manifest) -> Option<Request> {
    match &manifest.content {
        ManifestContent::Image {
            config: Some(config),
            ..
        } if config::is_image(&config.media_type) => Some(Request::Config(
            repository.clone(),
            config.digest.clone(),
            config.media_type.clone(),
        )),
        _ => None,
    }
}

fn unread(repository: &RepositoryId) -> Error {
    Error {
        registry: repository.registry.clone(),
        operation: "read the manifest".into(),
        message: "was not asked yet".into(),
        kind: super::ErrorKind::Internal,
    }
}
