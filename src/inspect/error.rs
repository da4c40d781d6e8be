//! Why something was not read.
//!
//! Decides the kind of a failure and the advice for it. Invariant: `message` is untrusted text.

use serde::Serialize;

use crate::{
    oci::Store,
    registry::{self, ErrorCause, FailureClass, Operation},
    transport::{self, LocalError, LocalErrorCause},
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{operation}: {}{message}", subject(.store))]
pub struct Error {
    pub store: Store,
    /// Fits after "failed to". Names the file, directory or daemon if it is one of this machine.
    pub operation: String,
    pub message: String,
    pub kind: ErrorKind,
    /// What a person can do about it, if more is known than its kind.
    #[serde(skip)]
    pub hint: Option<&'static str>,
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
    /// The class of a failure of this kind.
    #[must_use]
    pub fn class(self) -> FailureClass {
        match self {
            Self::Transient | Self::Unreachable => FailureClass::Transient {
                retry_after_ms: None,
            },
            Self::Auth => FailureClass::Auth,
            Self::NotFound => FailureClass::NotFound,
            Self::NoCatalog
            | Self::Rejected
            | Self::Protocol
            | Self::Malformed
            | Self::TooLarge => FailureClass::Rejected,
            Self::Corrupt => FailureClass::Corrupt,
            Self::Internal => FailureClass::Internal,
        }
    }

    #[must_use]
    fn advice(self) -> &'static str {
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

impl Error {
    /// Why something in `store` was not read.
    #[must_use]
    pub fn new(store: &Store, error: transport::Error) -> Self {
        let other = |message: String, kind| Self {
            store: store.clone(),
            operation: match store {
                Store::Registry(_) => "read".into(),
                Store::Local(store) => format!("read {store}"),
            },
            message,
            kind,
            hint: None,
        };
        match error {
            transport::Error::Registry(error) => of_registry(error),
            transport::Error::Local(error) => of_local(store, &error),
            transport::Error::Unconvertible(_) => other(error.to_string(), ErrorKind::Rejected),
            transport::Error::Corrupt { .. } | transport::Error::Damaged { .. } => {
                other(error.to_string(), ErrorKind::Corrupt)
            }
        }
    }

    /// What a person can do about it.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        self.hint.unwrap_or_else(|| self.kind.advice())
    }
}

/// A registry that said something. Local stores are named by what was tried.
fn subject(store: &Store) -> String {
    store
        .registry()
        .map_or_else(String::new, |registry| format!("{registry} "))
}

fn of_local(store: &Store, error: &LocalError) -> Error {
    let kind = match (error.class(), &*error.cause) {
        (_, LocalErrorCause::Manifest(_)) => ErrorKind::Malformed,
        (_, LocalErrorCause::OverBudget(_)) => ErrorKind::TooLarge,
        (FailureClass::Transient { .. }, _) => ErrorKind::Unreachable,
        (FailureClass::NotFound, _) => ErrorKind::NotFound,
        (FailureClass::Corrupt, _) => ErrorKind::Corrupt,
        (FailureClass::Rejected | FailureClass::Auth, _) => ErrorKind::Rejected,
        (FailureClass::Internal, _) => ErrorKind::Internal,
    };
    Error {
        store: store.clone(),
        operation: format!("{} {}", error.operation, error.place),
        message: error.cause.to_string(),
        kind,
        hint: Some(error.hint()),
    }
}

fn of_registry(error: registry::Error) -> Error {
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
    Error {
        operation: error.operation.to_string(),
        message: error.to_string(),
        store: Store::Registry(error.registry),
        kind,
        hint: None,
    }
}
