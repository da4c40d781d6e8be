//! What kept something from being read, as a plain fact a front end can show.

use serde::Serialize;

use crate::{
    oci::Registry,
    registry::{self, ErrorCause, FailureClass, Operation},
};

/// A failed look into a registry. `said` is untrusted text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{doing}: {registry} {said}")]
pub struct Error {
    pub registry: Registry,
    /// In words that fit after "failed to".
    pub doing: String,
    pub said: String,
    pub kind: ErrorKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// May pass by itself.
    Transient,
    /// No connection could be made.
    Unreachable,
    Auth,
    NotFound,
    /// This registry has no list of its repositories, or shows it to nobody.
    NoCatalog,
    Rejected,
    /// What answers is no registry, or something before it changes its answers.
    Protocol,
    /// A manifest that cannot be read.
    Malformed,
    Corrupt,
    /// Larger than is ever read.
    TooLarge,
    Internal,
}

impl ErrorKind {
    /// What a person can do about it.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Transient => "it may pass by itself",
            Self::Unreachable => "check its address, and that it is up",
            Self::Auth => "check the credentials for this registry",
            Self::NotFound => "check the name: the registry does not have it",
            Self::NoCatalog => "this registry does not list its repositories: name one",
            Self::Rejected => "the registry understood and refuses",
            Self::Protocol => {
                "this is not how a registry answers: check the address, and what stands before the registry"
            }
            Self::Malformed => "push the image there again, in a form of today",
            Self::Corrupt => "the content is not what its digest says: mend it there",
            Self::TooLarge => "no image needs that much: look at who made it",
            Self::Internal => "check this machine and the registry's settings",
        }
    }
}

impl From<registry::Error> for Error {
    fn from(error: registry::Error) -> Self {
        let kind = match (error.class(), error.operation) {
            _ if matches!(*error.cause, ErrorCause::Unreachable { .. }) => ErrorKind::Unreachable,
            _ if matches!(*error.cause, ErrorCause::TooLong(_)) => ErrorKind::TooLarge,
            _ if matches!(*error.cause, ErrorCause::Manifest(_)) => ErrorKind::Malformed,
            (FailureClass::Rejected, operation)
                if operation != Operation::ListRepositories
                    && matches!(
                        *error.cause,
                        ErrorCause::Protocol(_) | ErrorCause::Redirect(_)
                    ) =>
            {
                ErrorKind::Protocol
            }
            (FailureClass::Transient { .. }, _) => ErrorKind::Transient,
            (
                FailureClass::Auth | FailureClass::NotFound | FailureClass::Rejected,
                Operation::ListRepositories,
            ) => ErrorKind::NoCatalog,
            (FailureClass::Auth, _) => ErrorKind::Auth,
            (FailureClass::NotFound, _) => ErrorKind::NotFound,
            (FailureClass::Rejected, _) => ErrorKind::Rejected,
            (FailureClass::Corrupt, _) => ErrorKind::Corrupt,
            (FailureClass::Internal, _) => ErrorKind::Internal,
        };
        Self {
            doing: error.operation.to_string(),
            said: error.to_string(),
            registry: error.registry,
            kind,
        }
    }
}
