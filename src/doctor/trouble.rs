//! A request of a check that did not succeed.
//!
//! Decides how long a check waits, and what to do about an error. Invariant: there is always something to do.

use std::time::Duration;

use crate::{
    oci::Registry,
    present::duration,
    registry::{Error, ErrorCause, FailureClass, Operation},
};

#[derive(Debug)]
pub(super) enum Trouble {
    Failed(Error),
    /// There was no answer in this time.
    Silent(Duration),
}

/// The result of `asking`, if it comes in time.
pub(super) async fn within<T>(
    limit: Duration,
    asking: impl Future<Output = Result<T, Error>>,
) -> Result<T, Trouble> {
    match tokio::time::timeout(limit, asking).await {
        Ok(result) => result.map_err(Trouble::Failed),
        Err(_) => Err(Trouble::Silent(limit)),
    }
}

impl Trouble {
    pub(super) fn class(&self) -> FailureClass {
        match self {
            Self::Failed(error) => error.class(),
            Self::Silent(_) => FailureClass::Transient {
                retry_after_ms: None,
            },
        }
    }

    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Failed(error) => error.status(),
            Self::Silent(_) => None,
        }
    }

    /// Whether the registry refuses the user, or denies the user something.
    pub(super) fn is_denied(&self) -> bool {
        self.class() == FailureClass::Auth || matches!(self.status(), Some(401 | 403))
    }

    /// Whether the connection broke.
    pub(super) fn is_cut(&self) -> bool {
        match self {
            Self::Failed(error) => matches!(*error.cause, ErrorCause::Network(_)),
            Self::Silent(_) => false,
        }
    }

    /// Whether the registry does not do this for anybody.
    pub(super) fn is_unsupported(&self) -> bool {
        matches!(self.status(), Some(404 | 405 | 501))
    }

    /// What happened; fits after "it".
    pub(super) fn text(&self) -> String {
        match self {
            Self::Failed(error) => error.to_string(),
            Self::Silent(limit) => format!("gave no answer within {}", duration(*limit)),
        }
    }

    pub(super) fn advice(&self, registry: &Registry) -> String {
        let error = match self {
            Self::Silent(_) => {
                return "check that it runs, and that no firewall drops the packets; --timeout waits longer".into();
            }
            Self::Failed(error) => error,
        };
        if let Some(refusal) = error.refusal() {
            return refusal.hint().into();
        }
        let login = format!("`transship login {registry}`");
        match (&*error.cause, error.class()) {
            (ErrorCause::Unreachable { .. }, _) if error.operation == Operation::FetchToken => {
                "check the token server that the registry names, and the way to it".into()
            }
            (ErrorCause::Unreachable { .. }, _) => {
                "check the host and the port, that the registry runs, and the firewalls and proxies on the way".into()
            }
            (ErrorCause::Configuration(_), _) => format!(
                "correct it at the registry, or the settings [registries.{:?}] of the list",
                registry.as_str()
            ),
            (ErrorCause::NoCredentials(_), _) => format!(
                "{login} stores a password; or set username and password-env for it in the list"
            ),
            (ErrorCause::Credentials(_), _) => {
                "correct the credentials file, the helper or the variable that it names".into()
            }
            (ErrorCause::Auth(_), _) => format!(
                "{login} stores another password; or correct username and password-env in the list"
            ),
            (ErrorCause::Protocol(_) | ErrorCause::Redirect(_) | ErrorCause::TooLong(_), _) => {
                "this is not how a registry answers: check the address, and any proxy in front of it".into()
            }
            (_, FailureClass::Auth) => {
                format!("give this user the right at the registry, or use another one: {login}")
            }
            (_, FailureClass::Transient { .. }) => {
                "it may pass: examine it again; if it stays, look into the registry's log".into()
            }
            (ErrorCause::Status { status: 405, .. }, _) => {
                "the registry is read-only: end its maintenance mode, or name another one (a pull-through cache takes no push)".into()
            }
            (_, FailureClass::NotFound) => "check the name: the registry does not have it".into(),
            (
                _,
                FailureClass::Rejected | FailureClass::Corrupt | FailureClass::Internal,
            ) => "look into the registry's log, and at any proxy in front of it".into(),
        }
    }
}
