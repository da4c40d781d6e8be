//! Credentials for a registry, and the trait that finds them.
//!
//! Decides the kinds of credentials; `crate::credentials` decides where they are stored. Invariant: `Debug` shows no
//! secret.

use std::{fmt, sync::Arc};

use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};

use crate::oci::Repository;

/// The credentials that are configured for one registry.
#[derive(Clone, Debug, Default)]
pub enum Credentials {
    #[default]
    Anonymous,
    Basic {
        username: String,
        password: SecretString,
    },
    /// A bearer token, sent as it is.
    Token(SecretString),
    /// Looked up when the registry requires credentials, and again when it refuses them.
    Provided(Arc<dyn CredentialProvider>),
}

/// The credential of one request.
#[derive(Clone, Debug, Default)]
pub enum Credential {
    #[default]
    Anonymous,
    Basic {
        username: String,
        password: SecretString,
    },
    /// A refresh token for the token server. The username is for servers that support only Basic.
    Identity {
        username: String,
        token: SecretString,
    },
    /// A bearer token, sent as it is.
    Token(SecretString),
}

/// Finds credentials of one registry.
pub trait CredentialProvider: fmt::Debug + Send + Sync {
    /// The credential for `repository`, or for the registry as a whole. If the registry refused `refused` and that one
    /// is still cached, it is looked up again.
    ///
    /// # Errors
    /// Credentials are configured and cannot be read. Without any the result is [`Credential::Anonymous`].
    fn credential<'a>(
        &'a self,
        repository: Option<&'a Repository>,
        refused: Option<&'a Credential>,
    ) -> BoxFuture<'a, Result<Credential, ProviderError>>;
}

/// Why configured credentials cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ProviderError {
    /// A later attempt may succeed.
    #[error("{0}")]
    Unavailable(String),
    /// The operator has to change something first.
    #[error("{0}")]
    Unusable(String),
}

impl Credentials {
    pub(super) async fn current(
        &self,
        repository: Option<&Repository>,
        refused: Option<&Credential>,
    ) -> Result<Credential, ProviderError> {
        match self {
            Self::Anonymous => Ok(Credential::Anonymous),
            Self::Basic { username, password } => Ok(Credential::Basic {
                username: username.clone(),
                password: password.clone(),
            }),
            Self::Token(token) => Ok(Credential::Token(token.clone())),
            Self::Provided(provider) => provider.credential(repository, refused).await,
        }
    }
}

impl PartialEq for Credential {
    fn eq(&self, other: &Self) -> bool {
        let same = |a: &SecretString, b: &SecretString| a.expose_secret() == b.expose_secret();
        match (self, other) {
            (Self::Anonymous, Self::Anonymous) => true,
            (
                Self::Basic { username, password },
                Self::Basic {
                    username: other,
                    password: secret,
                },
            ) => username == other && same(password, secret),
            (
                Self::Identity { username, token },
                Self::Identity {
                    username: other,
                    token: secret,
                },
            ) => username == other && same(token, secret),
            (Self::Token(token), Self::Token(secret)) => same(token, secret),
            (Self::Anonymous | Self::Basic { .. } | Self::Identity { .. } | Self::Token(_), _) => {
                false
            }
        }
    }
}

impl Eq for Credential {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_shown() {
        let basic = Credential::Basic {
            username: "robot".into(),
            password: "hunter2".into(),
        };
        let identity = Credential::Identity {
            username: "robot".into(),
            token: "hunter2".into(),
        };
        let token = Credentials::Token("hunter2".into());
        let shown = format!("{basic:?} {identity:?} {token:?}");
        assert!(
            shown.contains("robot") && !shown.contains("hunter2"),
            "{shown}"
        );
    }

    #[test]
    fn credentials_are_the_same_only_with_the_same_secret() {
        let basic = |password: &str| Credential::Basic {
            username: "robot".into(),
            password: password.into(),
        };
        assert_eq!(basic("a"), basic("a"));
        assert_ne!(basic("a"), basic("b"));
        assert_ne!(basic("a"), Credential::Anonymous);
    }
}
