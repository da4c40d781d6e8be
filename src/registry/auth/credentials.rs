//! Who the operator is at a registry, and the door through which that is found out.
//!
//! Decides the kinds of credentials there are; where they are kept is another layer's. Invariant: `Debug`
//! of anything here shows no secret.

use std::{fmt, sync::Arc};

use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};

use crate::oci::Repository;

/// Who the operator is at one registry.
#[derive(Clone, Debug, Default)]
pub enum Credentials {
    #[default]
    Anonymous,
    Basic {
        username: String,
        password: SecretString,
    },
    /// A bearer token used as it is.
    Token(SecretString),
    /// Asked for when the registry wants to know, and again when it refuses.
    Provided(Arc<dyn CredentialProvider>),
}

/// What one request identifies itself with.
#[derive(Clone, Debug, Default)]
pub enum Credential {
    #[default]
    Anonymous,
    Basic {
        username: String,
        password: SecretString,
    },
    /// A refresh token for the token server; the username is for servers that know only Basic.
    Identity {
        username: String,
        token: SecretString,
    },
    /// A bearer token used as it is.
    Token(SecretString),
}

/// Finds credentials of one registry.
pub trait CredentialProvider: fmt::Debug + Send + Sync {
    /// The credential for `repository`, or for the registry as a whole. With `refused`, the registry did
    /// not take that one: what is remembered is looked up anew, unless it is another one by now.
    ///
    /// # Errors
    /// The credentials are configured and cannot be had; that there are none is
    /// [`Credential::Anonymous`].
    fn credential<'a>(
        &'a self,
        repository: Option<&'a Repository>,
        refused: Option<&'a Credential>,
    ) -> BoxFuture<'a, Result<Credential, ProviderError>>;
}

/// Why configured credentials cannot be had.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ProviderError {
    /// May work later.
    #[error("{0}")]
    Unavailable(String),
    /// Works only after something was mended.
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
