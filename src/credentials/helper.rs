//! Credential helpers: `docker-credential-NAME` with `get`, `store`, `erase` (docker-credential-helpers,
//! README "Development").
//!
//! Decides what their answers mean. Invariant: a helper's standard output is shown only where the protocol
//! says that it is a message.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::{
    CredentialsError,
    program::{self, Answer},
};
use crate::registry::Credential;

/// The user name that says the secret is an identity token.
const IDENTITY: &str = "<token>";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Helper {
    program: String,
}

impl Helper {
    /// The helper a file calls `name`; found in `PATH` only.
    pub(super) fn named(name: &str) -> Result<Self, CredentialsError> {
        let usual = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        match name.chars().all(usual) {
            true => Ok(Self {
                program: format!("docker-credential-{name}"),
            }),
            false => Err(CredentialsError::HelperName(name.into())),
        }
    }

    /// What it keeps for `server`, if anything.
    pub(super) async fn get(&self, server: &str) -> Result<Option<Credential>, CredentialsError> {
        let answer = self.ask("get", server.into()).await?;
        if answer.succeeded() {
            return self.credential(&answer);
        }
        match says_nothing_is_kept(&answer) {
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
        let answer = self.ask("store", input.to_string().into()).await?;
        match answer.succeeded() {
            true => Ok(()),
            false => Err(self.failure(&answer)),
        }
    }

    /// Lets it forget `server`; says whether it kept something.
    pub(super) async fn erase(&self, server: &str) -> Result<bool, CredentialsError> {
        let kept = self.get(server).await?.is_some();
        if kept {
            let answer = self.ask("erase", server.into()).await?;
            if !answer.succeeded() && !says_nothing_is_kept(&answer) {
                return Err(self.failure(&answer));
            }
        }
        Ok(kept)
    }

    async fn ask(&self, verb: &str, input: SecretString) -> Result<Answer, CredentialsError> {
        program::run(&self.program, &[verb.into()], None, input).await
    }

    fn credential(&self, answer: &Answer) -> Result<Option<Credential>, CredentialsError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Kept {
            #[serde(default)]
            username: String,
            #[serde(default)]
            secret: String,
        }
        let kept: Kept = answer
            .text()
            .and_then(|text| serde_json::from_str(text).ok())
            .ok_or_else(|| CredentialsError::Answer {
                program: self.program.clone(),
                problem: "something that is no credential",
            })?;
        let (username, secret) = (kept.username, SecretString::from(kept.secret));
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
        // The message of a failure is on standard output; half an answer must not be shown.
        let said = match message.is_empty() || message.contains(['{', '"']) {
            true => answer.complaint(),
            false => program::line(message.as_bytes()),
        };
        CredentialsError::Failed {
            program: self.program.clone(),
            said,
        }
    }
}

fn says_nothing_is_kept(answer: &Answer) -> bool {
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
