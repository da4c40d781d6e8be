//! The labels of the families, and their values.
//!
//! Invariant: a value is a word of this file or of the registry's HTTP, the name of a registry, the id of the batch or
//! the version of the program; so there are few.

use std::fmt::{Error, Write as _};

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

use crate::{
    batch::{FailureClass, Settled, Side, UploadMode},
    oci::{Location, Registry, Store, Transport},
};

/// A registry, or the transport of a store of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum StoreLabel {
    Registry(Registry),
    Local(Transport),
}

/// What skopeo calls the work on one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    Copy,
    Inspect,
    Delete,
    ManifestDigest,
}

/// Of a family whose only series may be absent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct NoLabels {}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct VersionLabel {
    pub version: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct BatchLabel {
    pub batch: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct StateLabel {
    pub state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OutcomeLabel {
    pub outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RegistryLabel {
    pub registry: StoreLabel,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct BytesLabels {
    pub registry: StoreLabel,
    pub direction: &'static str,
    pub how: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RequestLabels {
    pub registry: StoreLabel,
    pub method: &'static str,
    pub status: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ModeLabels {
    pub registry: StoreLabel,
    pub mode: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct FailureLabels {
    pub side: &'static str,
    pub class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OperationLabel {
    pub operation: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OperationStatusLabels {
    pub operation: &'static str,
    pub status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OperationErrorLabels {
    pub operation: &'static str,
    pub error_type: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct SourceLabels {
    pub source_type: &'static str,
    pub operation: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct DestinationLabels {
    pub destination_type: &'static str,
    pub operation: &'static str,
}

impl Operation {
    pub(super) const ALL: [Self; 4] = [
        Self::Copy,
        Self::Inspect,
        Self::Delete,
        Self::ManifestDigest,
    ];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Copy => "copy",
            Self::Inspect => "inspect",
            Self::Delete => "delete",
            Self::ManifestDigest => "manifest_digest",
        }
    }
}

impl From<&Location> for StoreLabel {
    fn from(location: &Location) -> Self {
        match location {
            Location::Registry(reference) => Self::Registry(reference.registry.clone()),
            Location::Local(image) => Self::Local(image.store.transport),
        }
    }
}

impl From<&Store> for StoreLabel {
    fn from(store: &Store) -> Self {
        match store {
            Store::Registry(registry) => Self::Registry(registry.clone()),
            Store::Local(store) => Self::Local(store.transport),
        }
    }
}

impl EncodeLabelValue for StoreLabel {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> Result<(), Error> {
        encoder.write_str(match self {
            Self::Registry(registry) => registry.as_str(),
            Self::Local(transport) => transport.name(),
        })
    }
}

impl StoreLabel {
    /// The transport as a dashboard for skopeo names it.
    pub(super) fn transport_type(&self) -> &'static str {
        match self {
            Self::Registry(_) => "docker",
            Self::Local(Transport::Oci) => "oci",
            Self::Local(Transport::OciArchive) => "oci_archive",
            Self::Local(Transport::Dir) => "dir",
            Self::Local(Transport::DockerArchive) => "docker_archive",
            Self::Local(Transport::DockerDaemon) => "docker_daemon",
            Self::Local(Transport::ContainersStorage) => "containers_storage",
        }
    }
}

/// The values of the labels `side` and `class`.
pub(super) const SIDES: [&str; 3] = ["source", "destination", "local"];
pub(super) const CLASSES: [&str; 6] = [
    "transient",
    "auth",
    "not_found",
    "rejected",
    "corrupt",
    "internal",
];

pub(super) fn side(side: Side) -> &'static str {
    match side {
        Side::Source => "source",
        Side::Destination => "destination",
        Side::Local => "local",
    }
}

pub(super) fn class(class: FailureClass) -> &'static str {
    match class {
        FailureClass::Transient { .. } => "transient",
        FailureClass::Auth => "auth",
        FailureClass::NotFound => "not_found",
        FailureClass::Rejected => "rejected",
        FailureClass::Corrupt => "corrupt",
        FailureClass::Internal => "internal",
    }
}

pub(super) fn how(how: &Settled) -> &'static str {
    match how {
        Settled::Copied => "copied",
        Settled::Mounted { .. } => "mounted",
        Settled::Present => "present",
    }
}

pub(super) fn upload_mode(mode: UploadMode) -> &'static str {
    match mode {
        UploadMode::Whole => "whole",
        UploadMode::Streamed => "streamed",
        UploadMode::Chunks { .. } => "chunks",
    }
}
