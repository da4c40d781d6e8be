//! `Authorization` headers (RFC 7617 Basic, RFC 6750 Bearer).
//!
//! Invariant: every header is marked as sensitive, so that no log shows it.

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use super::Credential;
use crate::registry::error::ErrorCause;

/// The header for a server that takes the credential itself, without a token server.
pub(super) fn direct(credential: &Credential) -> Result<Option<HeaderValue>, ErrorCause> {
    match credential {
        Credential::Anonymous => Ok(None),
        Credential::Basic { username, password } => basic(username, password).map(Some),
        Credential::Identity { username, token } => basic(username, token).map(Some),
        Credential::Token(token) => bearer(token).map(Some),
    }
}

pub(super) fn basic(username: &str, password: &SecretString) -> Result<HeaderValue, ErrorCause> {
    let pair = format!("{username}:{}", password.expose_secret());
    secret_header(&format!("Basic {}", BASE64_STANDARD.encode(pair)))
}

pub(super) fn bearer(token: &SecretString) -> Result<HeaderValue, ErrorCause> {
    secret_header(&format!("Bearer {}", token.expose_secret()))
}

fn secret_header(text: &str) -> Result<HeaderValue, ErrorCause> {
    let mut header = HeaderValue::from_str(text)
        .map_err(|_| ErrorCause::Auth("the secret has characters a header cannot carry".into()))?;
    header.set_sensitive(true);
    Ok(header)
}
