//! Why something was not read.
//!
//! Decides the kind of a failure and the advice for it. Invariant: `message` is untrusted text.

use serde::Serialize;

use crate::{
    oci::Registry,
    registry::{self, ErrorCause, FailureClass, Operation},
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{operation}: {registry} {message}")]
pub struct Error {
    pub registry: Registry,
    /// Fits after "failed to".
    pub operation: String,
    pub message: String,
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
    /// The registry does not list its repositories, or not to this user.
    NoCatalog,
    Rejected,
    /// The server is not a registry, or a proxy changes its answers.
    Protocol,
    /// A manifest that does not parse.
    Malformed,
    Corrupt,
    /// Larger than the limit.
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
            Self::Rejected => "the registry refuses the request",
            Self::Protocol => {
                "this is not how a registry answers: check the address, and any proxy in front of the registry"
            }
            Self::Malformed => "push the image there again, in a current format",
            Self::Corrupt => "the content does not match its digest: push it there again",
            Self::TooLarge => "no image needs that much: check who made it",
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
            operation: error.operation.to_string(),
            message: error.to_string(),
            registry: error.registry,
            kind,
        }
    }
}
