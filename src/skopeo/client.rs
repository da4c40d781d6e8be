//! Copies, inspects and deletes images with skopeo.
//!
//! Decides which method serves a request and what its answer is. Invariant: when a future is dropped, skopeo and its
//! child processes end, also inside the container, and no secret is left.

use std::time::Duration;

use super::{
    access::RegistryAccess,
    error::{NoMethod, SkopeoError},
    output::OutputEvent,
    settings::Settings,
};
use crate::{
    batch::Side,
    oci::{Compression, Digest, Location, ManifestFormat, Platform},
};

/// A skopeo that works, in the service container or on this machine.
pub struct Skopeo {
    method: Method,
}

enum Method {}

/// One image to copy.
#[derive(Clone, Debug)]
pub struct CopyRequest {
    pub source: Location,
    pub destination: Location,
    /// Which image of an index; `None` for all of them, where the destination can hold an index.
    pub platform: Option<Platform>,
    /// The media types at the destination; `None` for those of the source.
    pub format: Option<ManifestFormat>,
    /// How layers are compressed that the source stores uncompressed; `None` for skopeo's default.
    pub compression: Option<Compression>,
    /// The registries of both sides.
    pub access: Vec<RegistryAccess>,
    /// The deadline; `None` for that of the settings.
    pub timeout: Option<Duration>,
    /// Whether skopeo gets a terminal, on which it prints the bytes of each blob. On a pipe it prints steps and whole
    /// digests.
    pub terminal: bool,
}

/// One image to ask about or to delete.
#[derive(Clone, Debug)]
pub struct ImageRequest {
    pub image: Location,
    /// Which side a failure is blamed on.
    pub side: Side,
    pub access: Vec<RegistryAccess>,
    /// The deadline; `None` for 2 minutes.
    pub timeout: Option<Duration>,
}

/// What a copy did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The digest of the manifest at the destination, if skopeo printed it.
    pub digest: Option<Digest>,
}

impl Skopeo {
    /// Finds the methods that work.
    ///
    /// # Errors
    ///
    /// If none works: why, for each method, with the command that mends it.
    pub async fn open(settings: Settings) -> Result<Self, NoMethod> {
        let _ = settings;
        Err(NoMethod {
            methods: Vec::new(),
        })
    }

    /// The preferred method, as in "skopeo 1.9.3 in container skopeo-service (podman)".
    #[must_use]
    pub fn description(&self) -> &str {
        match self.method {}
    }

    /// The method that copies this image: the first one that can reach both sides.
    ///
    /// # Errors
    ///
    /// If no method can.
    pub fn description_for(&self, _request: &CopyRequest) -> Result<&str, NoMethod> {
        match self.method {}
    }

    /// Copies one image. Copies into one local store run one after another.
    ///
    /// # Errors
    ///
    /// If skopeo fails, takes too long or cannot be run.
    pub async fn copy(
        &self,
        _request: &CopyRequest,
        _on_event: &mut (dyn FnMut(OutputEvent) + Send),
    ) -> Result<Copied, SkopeoError> {
        match self.method {}
    }

    /// The manifest as it is stored; `None` if the image does not exist.
    ///
    /// # Errors
    ///
    /// If skopeo fails for another reason, takes too long or cannot be run.
    pub async fn raw_manifest(
        &self,
        _request: &ImageRequest,
    ) -> Result<Option<Vec<u8>>, SkopeoError> {
        match self.method {}
    }

    /// What `skopeo inspect` prints.
    ///
    /// # Errors
    ///
    /// If skopeo fails, takes too long or cannot be run.
    pub async fn inspect(&self, _request: &ImageRequest) -> Result<serde_json::Value, SkopeoError> {
        match self.method {}
    }

    /// Deletes an image from its registry.
    ///
    /// # Errors
    ///
    /// If skopeo fails, takes too long or cannot be run.
    pub async fn delete(&self, _request: &ImageRequest) -> Result<(), SkopeoError> {
        match self.method {}
    }

    /// The digest of the image's manifest.
    ///
    /// # Errors
    ///
    /// If the image does not exist, or skopeo fails, takes too long or cannot be run.
    pub async fn manifest_digest(&self, _request: &ImageRequest) -> Result<Digest, SkopeoError> {
        match self.method {}
    }
}
