//! Why a store of this machine could not be read or written: what was tried, where, and the cause.
//!
//! Invariant: its text reads after "source" or "destination".

use std::{io, path::PathBuf, sync::Arc};

use crate::{
    batch::FailureClass,
    oci::{Digest, ManifestError},
    registry::OverBudget,
};

/// A failed step on a store of this machine.
#[derive(Clone, Debug, thiserror::Error)]
#[error("failed to {operation} {place}: {cause}")]
pub struct LocalError {
    /// Fits between "failed to" and the place.
    pub operation: &'static str,
    /// The file, directory or daemon.
    pub place: String,
    /// Boxed: errors are rare, results are everywhere.
    pub cause: Box<LocalErrorCause>,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum LocalErrorCause {
    #[error("{0}")]
    Io(Arc<io::Error>),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error("it holds {0}")]
    OverBudget(#[from] OverBudget),
    /// The store is not what its format says.
    #[error("{0}")]
    Invalid(String),
    /// The store is valid and does not have it.
    #[error("{0}")]
    NotFound(String),
    #[error("its bytes are {got}, not {expected}")]
    Corrupt { expected: Digest, got: Digest },
    /// Another process writes to the store.
    #[error("another process is writing to it, and holds the lock {}", .0.display())]
    Locked(PathBuf),
    /// A store of this kind cannot hold this.
    #[error("{0}")]
    Unsupported(String),
    /// This is not done here; the text says why, or what can be done instead.
    #[error("{0}")]
    Refused(String),
    /// A daemon that cannot be reached or broke off.
    #[error("{0}")]
    Unreachable(String),
}

impl LocalError {
    /// The class alone decides about retry.
    #[must_use]
    pub fn class(&self) -> FailureClass {
        match &*self.cause {
            LocalErrorCause::Io(error) if error.kind() == io::ErrorKind::NotFound => {
                FailureClass::NotFound
            }
            LocalErrorCause::Io(_) => FailureClass::Internal,
            LocalErrorCause::NotFound(_) => FailureClass::NotFound,
            LocalErrorCause::Corrupt { .. } => FailureClass::Corrupt,
            LocalErrorCause::Manifest(_)
            | LocalErrorCause::OverBudget(_)
            | LocalErrorCause::Invalid(_)
            | LocalErrorCause::Locked(_)
            | LocalErrorCause::Unsupported(_)
            | LocalErrorCause::Refused(_) => FailureClass::Rejected,
            LocalErrorCause::Unreachable(_) => FailureClass::Transient {
                retry_after_ms: None,
            },
        }
    }
}

impl LocalError {
    /// What the operator can do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match &*self.cause {
            LocalErrorCause::Io(error) => match error.kind() {
                io::ErrorKind::PermissionDenied => "give this user the right to it",
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "free some space there, then retry"
                }
                io::ErrorKind::ReadOnlyFilesystem => "name a place that can be written",
                io::ErrorKind::NotFound => "check its path",
                _ => "check the disk and the file system",
            },
            LocalErrorCause::Locked(_) => "wait until it ends, then retry",
            LocalErrorCause::Corrupt { .. } | LocalErrorCause::Invalid(_) => {
                "it is damaged or was made wrongly: make it again"
            }
            LocalErrorCause::Manifest(_) => {
                "only OCI and Docker manifests and indexes can be copied: leave it out"
            }
            LocalErrorCause::OverBudget(_) => {
                "no image needs that much; `platforms`, `referrers = false` and `cosign-tags = false` copy less of it"
            }
            LocalErrorCause::Unsupported(_) => "name another kind of store",
            LocalErrorCause::Refused(_) => "retrying alone does not help: do what the message says",
            LocalErrorCause::NotFound(_) => "check the name and the path",
            LocalErrorCause::Unreachable(_) => "check that the daemon runs, and its address",
        }
    }
}

impl LocalErrorCause {
    /// The error of a step at `place`.
    pub(in crate::transport) fn at(
        self,
        operation: &'static str,
        place: impl ToString,
    ) -> LocalError {
        LocalError {
            operation,
            place: place.to_string(),
            cause: Box::new(self),
        }
    }
}

impl From<io::Error> for LocalErrorCause {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

/// Says which step at which place failed.
pub(super) trait Context<T> {
    fn context(self, operation: &'static str, place: impl ToString) -> Result<T, LocalError>;
}

impl<T, E: Into<LocalErrorCause>> Context<T> for Result<T, E> {
    fn context(self, operation: &'static str, place: impl ToString) -> Result<T, LocalError> {
        self.map_err(|error| error.into().at(operation, place))
    }
}

impl From<LocalError> for LocalErrorCause {
    fn from(error: LocalError) -> Self {
        *error.cause
    }
}
