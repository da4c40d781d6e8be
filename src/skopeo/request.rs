//! What skopeo can be asked to do, and what a copy did.

use std::time::Duration;

use super::access::RegistryAccess;
use crate::{
    batch::Side,
    oci::{Compression, Digest, Location, ManifestFormat, Platform},
};

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

impl CopyRequest {
    /// The whole image, with anonymous access and skopeo's defaults, on a terminal.
    #[must_use]
    pub fn new(source: Location, destination: Location) -> Self {
        Self {
            source,
            destination,
            platform: None,
            format: None,
            compression: None,
            access: Vec::new(),
            timeout: None,
            terminal: true,
        }
    }
}

impl ImageRequest {
    /// An image that is reached with anonymous access and skopeo's defaults.
    #[must_use]
    pub fn new(image: Location) -> Self {
        Self {
            image,
            side: Side::Source,
            access: Vec::new(),
            timeout: None,
        }
    }
}
