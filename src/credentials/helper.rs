//! Credential helpers: `docker-credential-NAME` with `get`, `store`, `erase` (docker-credential-helpers,
//! README "Development").
//!
//! Decides what their output means. Invariant: a helper's standard output is shown only if the protocol defines it as a
//! message.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::{
    CredentialsError,
    program::{self, Answer},
};
use crate::registry::Credential;

/// The user name that marks the secret as an identity token.
const IDENTITY: &str = "<token>";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Helper {
    program: String,
}

impl Helper {
    /// The helper with this name in a file. It is looked up in `PATH` only.
    pub(super) fn named(name: &str) -> Result<Self, CredentialsError> {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        match name.chars().all(is_allowed) {
            true => Ok(Self {
                program: format!("docker-credential-{name}"),
            }),
            false => Err(CredentialsError::HelperName(name.into())),
        }
    }

    /// The credential for `server`, if the helper has one.
    pub(super) async fn get(&self, server: &str) -> Result<Option<Credential>, CredentialsError> {
        let answer = self.run("get", server.into()).await?;
        if answer.succeeded() {
            return self.credential(&answer);
        }
        match says_not_found(&answer) {
            true => Ok(None),
            false => Err(self.failure(&answer)),
        }
    }

    pub(super) async fn store(
        &self,
        server: &str,
        username: &str,
        password: &SecretString,
    ) -> Result<(), CredentialsError> {
        let input = json!({
            "ServerURL": server,
            "Username": username,
            "Secret": password.expose_secret(),
        });
        let answer = self.run("store", input.to_string().into()).await?;
        match answer.succeeded() {
            true => Ok(()),
            false => Err(self.failure(&answer)),
        }
    }

    /// Removes the credential for `server`. Returns whether there was one.
    pub(super) async fn erase(&self, server: &str) -> Result<bool, CredentialsError> {
        let is_stored = self.get(server).await?.is_some();
        if is_stored {
            let answer = self.run("erase", server.into()).await?;
            if !answer.succeeded() && !says_not_found(&answer) {
                return Err(self.failure(&answer));
            }
        }
        Ok(is_stored)
    }

    async fn run(&self, verb: &str, input: SecretString) -> Result<Answer, CredentialsError> {
        program::run(&self.program, &[verb.into()], None, input).await
    }

    fn credential(&self, answer: &Answer) -> Result<Option<Credential>, CredentialsError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Stored {
            #[serde(default)]
            username: String,
            #[serde(default)]
            secret: String,
        }
        let stored: Stored = answer
            .text()
            .and_then(|text| serde_json::from_str(text).ok())
            .ok_or_else(|| CredentialsError::Answer {
                program: self.program.clone(),
                problem: "output that is no credential",
            })?;
        let (username, secret) = (stored.username, SecretString::from(stored.secret));
        Ok(match (username.as_str(), secret.expose_secret()) {
            (_, "") => None,
            (IDENTITY, _) => Some(Credential::Identity {
                username,
                token: secret,
            }),
            _ => Some(Credential::Basic {
                username,
                password: secret,
            }),
        })
    }

    fn failure(&self, answer: &Answer) -> CredentialsError {
        let message = answer.text().map(str::trim).unwrap_or_default();
        // The message of a failure is on standard output. What looks like a part of an answer must not be shown.
        let message = match message.is_empty() || message.contains(['{', '"']) {
            true => answer.error_line(),
            false => program::line(message.as_bytes()),
        };
        CredentialsError::Failed {
            program: self.program.clone(),
            message,
        }
    }
}

fn says_not_found(answer: &Answer) -> bool {
    answer.text().is_some_and(|text| {
        let text = text.trim().to_ascii_lowercase();
        text.contains("credentials not found") || text.contains("no credentials")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_helpers() {
        assert!(Helper::named("ecr-login").is_ok());
        for name in ["../evil", "a b", "a/b", "a;b"] {
            assert!(Helper::named(name).is_err(), "{name}");
        }
    }
}
