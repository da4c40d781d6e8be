//! The kinds of input that can be converted.
//!
//! Decides their names, and which of them name destinations.

use std::{fmt, str::FromStr};

/// The tool whose input a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `skopeo sync --src yaml`.
    SkopeoSync,
    Regsync,
    /// image-syncer's images, in YAML or JSON.
    ImageSyncer,
    Dregsy,
    /// `SOURCE=DESTINATION`, `SOURCE DESTINATION` or `SOURCE DESTINATION TAG` in a line: `oc image mirror`, hangar.
    Mapping,
    /// One reference a line.
    References,
    /// What `docker images` prints.
    DockerImages,
    /// A compose file.
    Compose,
    /// Kubernetes manifests.
    Kubernetes,
}

/// A text that names no kind.
#[derive(Debug, thiserror::Error)]
#[error("no such kind; the kinds are {}", Kind::names(&Kind::ALL))]
pub struct UnknownKind;

impl Kind {
    pub const ALL: [Self; 9] = [
        Self::SkopeoSync,
        Self::Regsync,
        Self::ImageSyncer,
        Self::Dregsy,
        Self::Mapping,
        Self::References,
        Self::DockerImages,
        Self::Compose,
        Self::Kubernetes,
    ];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SkopeoSync => "skopeo-sync",
            Self::Regsync => "regsync",
            Self::ImageSyncer => "image-syncer",
            Self::Dregsy => "dregsy",
            Self::Mapping => "mapping",
            Self::References => "references",
            Self::DockerImages => "docker-images",
            Self::Compose => "compose",
            Self::Kubernetes => "kubernetes",
        }
    }

    /// Whether the input says where its images go.
    #[must_use]
    pub fn has_destinations(self) -> bool {
        match self {
            Self::Regsync | Self::ImageSyncer | Self::Dregsy | Self::Mapping => true,
            Self::SkopeoSync
            | Self::References
            | Self::DockerImages
            | Self::Compose
            | Self::Kubernetes => false,
        }
    }

    /// The names of `kinds`, separated by commas.
    pub(super) fn names(kinds: &[Self]) -> String {
        let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
        names.join(", ")
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let mut all = Self::ALL.into_iter();
        all.find(|kind| kind.name() == text).ok_or(UnknownKind)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
