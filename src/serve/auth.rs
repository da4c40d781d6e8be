//! Who may do what: everybody, one user by Basic, or holders of a token for the repository
//! (distribution "Docker Registry v2 authentication via central service").
//!
//! Decides which scope a request needs and whether what it brings is enough. Invariant: a password or
//! token is compared, never shown.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, Method, header, request::Parts},
    response::Response,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use secrecy::{ExposeSecret, SecretString};

use super::{
    errors::{ErrorCode, Refusal},
    paths::{Query, Resource},
    scopes::{Scope, Scopes},
    tokens::Tokens,
};
use crate::oci::Digest;

/// The one user there is.
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
        // Digests are compared, so the time it takes says nothing about the password.
        let digest =
            |user: &str, password: &str| Digest::of(format!("{user}\n{password}").as_bytes());
        digest(user, password) == digest(&self.user, self.password.expose_secret())
    }

    fn in_headers(&self, headers: &HeaderMap) -> bool {
        let decoded = authorization(headers, "basic")
            .and_then(|encoded| BASE64_STANDARD.decode(encoded).ok())
            .and_then(|decoded| String::from_utf8(decoded).ok());
        decoded
            .as_deref()
            .and_then(|decoded| decoded.split_once(':'))
            .is_some_and(|(user, password)| self.are(user, password))
    }
}

/// What a request has to bring.
#[derive(Clone, Debug, Default)]
pub enum Auth {
    /// Nothing.
    #[default]
    Open,
    /// User and password with every request.
    Basic(Credentials),
    /// A token from this registry's own `/token`.
    Token(TokenAuth),
}

#[derive(Clone, Debug)]
pub struct TokenAuth {
    pub credentials: Credentials,
    /// How long a token is good for.
    pub lifetime: Duration,
    /// Whether tokens to pull are given to those who do not say who they are.
    pub anonymous_pull: bool,
}

/// [`Auth`] at work.
pub(crate) enum Gate {
    Open,
    Basic(Credentials),
    Token(Tokens),
}

impl Gate {
    pub(crate) fn new(auth: Auth) -> Self {
        match auth {
            Auth::Open => Self::Open,
            Auth::Basic(credentials) => Self::Basic(credentials),
            Auth::Token(auth) => Self::Token(Tokens::new(auth)),
        }
    }

    /// Lets a request through or says what it lacks.
    pub(crate) fn check(&self, request: &Parts, resource: &Resource) -> Result<(), Refusal> {
        match self {
            Self::Open => Ok(()),
            Self::Basic(credentials) if credentials.in_headers(&request.headers) => Ok(()),
            Self::Basic(_) => {
                let challenge = "Basic realm=\"transship\"";
                Err(unauthorized("user and password are required", challenge))
            }
            Self::Token(_) if *resource == Resource::Token => Ok(()),
            Self::Token(tokens) => {
                let needed = needed(request, resource);
                let granted =
                    authorization(&request.headers, "bearer").map(|token| tokens.granted(token));
                let (message, error) = match &granted {
                    Some(Some(scopes)) if scopes.cover(&needed) => return Ok(()),
                    Some(Some(_)) => ("the token does not allow this", "insufficient_scope"),
                    Some(None) => ("the token is not known or has expired", "invalid_token"),
                    None => ("a token is required", ""),
                };
                Err(unauthorized(message, &challenge(request, &needed, error)))
            }
        }
    }

    /// `/token`: GET with Basic or nobody, POST with an OAuth 2 form.
    pub(crate) async fn token(
        &self,
        request: &Parts,
        body: &mut Body,
    ) -> Result<Response, Refusal> {
        let Self::Token(tokens) = self else {
            return Err(Refusal::new(
                ErrorCode::NameUnknown,
                "this registry gives no tokens",
            ));
        };
        match request.method {
            Method::GET => {
                let known = tokens.credentials().in_headers(&request.headers);
                let claimed = request.headers.contains_key(header::AUTHORIZATION);
                tokens.get(&Query::of(&request.uri), known, claimed)
            }
            Method::POST => tokens.post(body).await,
            _ => Err(Refusal::new(
                ErrorCode::Unsupported,
                "tokens are asked for with GET or POST",
            )),
        }
    }

    pub(crate) fn expire_tokens(&self) {
        match self {
            Self::Token(tokens) => tokens.expire(),
            Self::Open | Self::Basic(_) => {}
        }
    }
}

pub(crate) fn unauthorized(message: &str, challenge: &str) -> Refusal {
    Refusal::new(ErrorCode::Unauthorized, message).with(header::WWW_AUTHENTICATE, challenge)
}

fn authorization<'h>(headers: &'h HeaderMap, scheme: &str) -> Option<&'h str> {
    let (found, value) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    found.eq_ignore_ascii_case(scheme).then_some(value.trim())
}

fn needed(request: &Parts, resource: &Resource) -> Scopes {
    let actions: &[&str] = match request.method {
        Method::GET | Method::HEAD => &["pull"],
        Method::DELETE if !matches!(resource, Resource::Upload(..)) => &["delete"],
        _ => &["pull", "push"],
    };
    let mut scopes = match (resource.repository(), resource) {
        (Some(repository), _) => vec![Scope::repository(repository.as_str(), actions)],
        (None, Resource::Catalog) => vec![Scope::catalog()],
        (None, _) => Vec::new(),
    };
    // What may not be pulled may not be had by mounting it either.
    if let (Resource::Uploads(_), Some(from)) = (resource, Query::of(&request.uri).get("from")) {
        scopes.push(Scope::repository(from, &["pull"]));
    }
    Scopes(scopes)
}

fn challenge(request: &Parts, needed: &Scopes, error: &str) -> String {
    let host = request
        .headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let mut challenge = format!("Bearer realm=\"http://{host}/token\",service=\"transship\"");
    if !needed.0.is_empty() {
        challenge.push_str(&format!(",scope=\"{needed}\""));
    }
    if !error.is_empty() {
        challenge.push_str(&format!(",error=\"{error}\""));
    }
    challenge
}
