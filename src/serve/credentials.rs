//! User names and passwords: those the registry knows, and those in a request.
//!
//! Invariant: comparing takes the same time whether the password is right or wrong.

use std::time::Duration;

use axum::http::{HeaderMap, header};
use base64::{Engine, prelude::BASE64_STANDARD};
use secrecy::{ExposeSecret, SecretString};

use crate::oci::Digest;

/// The only user of the registry.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub user: String,
    pub password: SecretString,
}

impl Credentials {
    #[must_use]
    pub fn new(user: &str, password: &str) -> Self {
        Self {
            user: user.to_owned(),
            password: password.into(),
        }
    }

    pub(crate) fn are(&self, user: &str, password: &str) -> bool {
        // Digests are compared, so that the time says nothing about the password.
        let digest =
            |user: &str, password: &str| Digest::of(format!("{user}\n{password}").as_bytes());
        digest(user, password) == digest(&self.user, self.password.expose_secret())
    }

    pub(crate) fn in_headers(&self, headers: &HeaderMap) -> bool {
        basic(headers).is_some_and(|(user, password)| self.are(&user, &password))
    }
}

/// The user and password of a Basic `Authorization` header.
pub(crate) fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let encoded = authorization(headers, "basic")?;
    let decoded = String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

#[derive(Clone, Debug)]
pub struct TokenAuth {
    pub credentials: Credentials,
    /// How long a token is valid.
    pub lifetime: Duration,
    /// Whether anonymous clients get tokens to pull.
    pub anonymous_pull: bool,
}

/// The value of the `Authorization` header, if it has this scheme.
pub(crate) fn authorization<'h>(headers: &'h HeaderMap, scheme: &str) -> Option<&'h str> {
    let (found, value) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    found.eq_ignore_ascii_case(scheme).then_some(value.trim())
}
