//! An image as a whole, put together from what was read of it.
//!
//! Decides what has to be read to know it. Pure: the command and the browser ask [`Inspection::missing`]
//! what to read next and [`Inspection::of`] what is known. Invariant: a part that could not be read is
//! named with its reason; the others are still there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{AnswerCache, Error, ImageConfig, RepositoryId, Request, Step, config, steps};
use crate::oci::{
    Descriptor, Digest, Manifest, ManifestContent, MediaType, Platform, Reference, Version,
};

/// As many manifests of an index as are read.
const MOST_IMAGES: usize = 100;

/// Which images of an index are looked into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    #[default]
    All,
    Platform(Platform),
}

/// What a reference stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Inspection {
    pub reference: Reference,
    pub digest: Digest,
    pub media_type: MediaType,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The manifests of an index that are in scope, in its order; else the image itself.
    pub images: Vec<Image>,
    /// What refers to it, if that could be asked.
    pub referrers: Vec<Descriptor>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Error>,
}

/// One manifest with what it points to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Image {
    pub platform: Option<Platform>,
    pub digest: Digest,
    pub media_type: MediaType,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<MediaType>,
    /// It says how another image was made, for example; nobody runs it.
    pub attestation: bool,
    /// Bytes of config and layers, each blob once; none if the manifest was not read.
    pub size: Option<u64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    pub config: Option<ImageConfig>,
    pub layers: Vec<Descriptor>,
    /// How it was made; positions are those in `layers`.
    pub history: Vec<Step>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Error>,
}

impl Inspection {
    /// What to read next; nothing when everything in `scope` was read or failed.
    #[must_use]
    pub fn missing(reference: &Reference, scope: &Scope, known: &AnswerCache) -> Vec<Request> {
        let place = RepositoryId::of(reference);
        let root = match known.manifest(&place, &reference.version()) {
            None => return vec![Request::manifest_of(reference)],
            Some(Err(_)) => return Vec::new(),
            Some(Ok(root)) => root,
        };
        let mut wanted = vec![Request::Referrers(place.clone(), root.digest.clone())];
        if let ManifestContent::Index(_) = root.content {
            for child in in_scope(root, scope) {
                match known.manifest(&place, &Version::Digest(child.digest.clone())) {
                    Some(Ok(manifest)) => wanted.extend(config_of(&place, manifest)),
                    Some(Err(_)) => {}
                    None => {
                        let version = Version::Digest(child.digest.clone());
                        wanted.push(Request::Manifest(place.clone(), version));
                    }
                }
            }
        } else {
            wanted.extend(config_of(&place, root));
        }
        wanted.retain(|request| known.get(request).is_none());
        wanted
    }

    /// What is known of the image.
    ///
    /// # Errors
    /// If its root manifest could not be read; or was not yet, which [`missing`](Self::missing) says.
    pub fn of(reference: &Reference, scope: &Scope, known: &AnswerCache) -> Result<Self, Error> {
        let place = RepositoryId::of(reference);
        let root = match known.manifest(&place, &reference.version()) {
            Some(Ok(root)) => root,
            Some(Err(error)) => return Err(error.clone()),
            None => return Err(unread(&place)),
        };
        let images = match root.content {
            ManifestContent::Index(_) => (in_scope(root, scope))
                .map(|child| Image::of(&place, child, known))
                .collect(),
            ManifestContent::Image { .. } => vec![Image::read(&place, None, root, known)],
        };
        let mut errors = Vec::new();
        let referrers = match known.referrers(&place, &root.digest) {
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

    /// The image `platform` selects, else the one most people would run.
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
    fn of(place: &RepositoryId, child: &Descriptor, known: &AnswerCache) -> Self {
        let version = Version::Digest(child.digest.clone());
        let found = known.manifest(place, &version);
        if let Some(Ok(manifest)) = found {
            return Self::read(place, Some(child), manifest, known);
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
        place: &RepositoryId,
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
                    .and_then(|config| known.config(place, &config.digest, &config.media_type));
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
                // The inspection has them already.
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

/// Whether an index lists it as what BuildKit calls an attestation, which no machine runs.
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
            Scope::Platform(wanted) => {
                (child.platform.as_ref()).is_some_and(|platform| wanted.selects(platform))
            }
        })
        // An index may list blobs as well (quirk 49).
        .filter(|child| child.media_type.is_manifest())
        .take(MOST_IMAGES)
}

fn config_of(place: &RepositoryId, manifest: &Manifest) -> Option<Request> {
    match &manifest.content {
        ManifestContent::Image {
            config: Some(config),
            ..
        } if config::is_image(&config.media_type) => Some(Request::Config(
            place.clone(),
            config.digest.clone(),
            config.media_type.clone(),
        )),
        _ => None,
    }
}

fn unread(place: &RepositoryId) -> Error {
    Error {
        registry: place.registry.clone(),
        doing: "read the manifest".into(),
        said: "was not asked yet".into(),
        kind: super::ErrorKind::Internal,
    }
}
