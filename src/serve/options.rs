//! What a registry is started with.
//!
//! Decides the defaults. Invariant: without further settings the registry is open to everybody over plain HTTP.

use std::{num::NonZeroU64, path::PathBuf};

use super::{
    access_log::AccessLog, auth::Auth, connections::ConnectionLimits, tls::Tls,
    uploads::UploadLimits,
};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    #[default]
    ReadWrite,
    ReadOnly,
}

/// How to treat a manifest that names content the repository does not hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingContent {
    #[default]
    Refused,
    /// Stored all the same; the sparse manifests of the conformance suite require it.
    Allowed,
}

#[derive(Clone, Debug)]
pub struct Options {
    /// Holds the content; created if it does not exist.
    pub directory: PathBuf,
    /// Bytes a second for each direction of each connection.
    pub throttle: Option<NonZeroU64>,
    /// Records the requests, in memory: leave it out where a server runs for long.
    pub access_log: Option<AccessLog>,
    pub access: Access,
    pub auth: Auth,
    /// Plain HTTP without it.
    pub tls: Option<Tls>,
    pub missing_content: MissingContent,
    pub connections: ConnectionLimits,
    pub uploads: UploadLimits,
}

impl Options {
    /// Open to everybody, over plain HTTP, unthrottled, without an access log.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            throttle: None,
            access_log: None,
            access: Access::default(),
            auth: Auth::default(),
            tls: None,
            missing_content: MissingContent::default(),
            connections: ConnectionLimits::default(),
            uploads: UploadLimits::default(),
        }
    }
}
