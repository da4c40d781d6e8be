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
    /// The store cannot hold this, or this program cannot write it there.
    #[error("{0}")]
    Unsupported(String),
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
            | LocalErrorCause::Unsupported(_) => FailureClass::Rejected,
            LocalErrorCause::Unreachable(_) => FailureClass::Transient {
                retry_after_ms: None,
            },
        }
    }
}

impl LocalError {
    /// What the operator can do about it. `None` means that the error says it, or that the advice for its class is enough.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match &*self.cause {
            LocalErrorCause::Io(error) => match error.kind() {
                io::ErrorKind::PermissionDenied => Some("give this user the right to it"),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    Some("free some space there, then retry")
                }
                io::ErrorKind::ReadOnlyFilesystem => Some("name a place that can be written"),
                io::ErrorKind::NotFound => Some("check its path"),
                _ => Some("check the disk and the file system"),
            },
            LocalErrorCause::Locked(_) => Some("wait until it ends, then retry"),
            LocalErrorCause::Corrupt { .. } | LocalErrorCause::Invalid(_) => {
                Some("it is damaged or was made wrongly: make it again")
            }
            LocalErrorCause::Manifest(_) => {
                Some("only OCI and Docker manifests and indexes can be copied: leave it out")
            }
            LocalErrorCause::OverBudget(_) => Some(
                "no image needs that much; `platforms`, `referrers = false` and `cosign-tags = false` copy less of it",
            ),
            LocalErrorCause::Unsupported(_) => Some("name another kind of store"),
            LocalErrorCause::Unreachable(_) => Some("see that the daemon runs, then retry"),
            LocalErrorCause::NotFound(_) => None,
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
