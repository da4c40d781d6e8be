//! Who may do what: everybody, one user or the users of a file by Basic, or holders of a token for the repository
//! (distribution "Docker Registry v2 authentication via central service").
//!
//! Decides which scope a request needs and whether its credentials are enough. Invariant: a password or
//! token is compared, never shown.

use std::net::Ipv4Addr;

use axum::{
    body::Body,
    http::{Method, header, request::Parts},
    response::Response,
};

use super::{
    connections::Peer,
    credentials::{Credentials, TokenAuth, authorization, basic},
    errors::{ErrorCode, ErrorResponse},
    htpasswd::Htpasswd,
    passwords::{Checked, Passwords},
    paths::{Query, Resource},
    scopes::{Scope, Scopes},
    tokens::Tokens,
};

const BASIC: &str = "Basic realm=\"transship\"";

/// The credentials a request must have.
#[derive(Clone, Debug, Default)]
pub enum Auth {
    /// Nothing.
    #[default]
    Open,
    /// User and password with every request.
    Basic(Credentials),
    /// The same, of any user in a file.
    Htpasswd(Htpasswd),
    /// A token from this registry's own `/token`.
    Token(TokenAuth),
}

/// Checks requests against [`Auth`].
pub(crate) enum Gate {
    Open,
    Basic(Credentials),
    Htpasswd(Passwords),
    Token {
        tokens: Tokens,
        /// Of the realm.
        scheme: &'static str,
    },
}

impl Gate {
    pub(crate) fn new(auth: Auth, is_secure: bool) -> Self {
        match auth {
            Auth::Open => Self::Open,
            Auth::Basic(credentials) => Self::Basic(credentials),
            Auth::Htpasswd(htpasswd) => Self::Htpasswd(Passwords::new(htpasswd)),
            Auth::Token(auth) => Self::Token {
                tokens: Tokens::new(auth),
                scheme: if is_secure { "https" } else { "http" },
            },
        }
    }

    /// Admits the request, or refuses it with a challenge.
    pub(crate) async fn check(
        &self,
        request: &Parts,
        resource: &Resource,
    ) -> Result<(), ErrorResponse> {
        match self {
            Self::Open => Ok(()),
            Self::Basic(credentials) if credentials.in_headers(&request.headers) => Ok(()),
            Self::Basic(_) => Err(ErrorResponse::unauthorized(
                "user and password are required",
                BASIC,
            )),
            Self::Htpasswd(passwords) => {
                let Some((user, password)) = basic(&request.headers) else {
                    return Err(ErrorResponse::unauthorized(
                        "user and password are required",
                        BASIC,
                    ));
                };
                let peer = request.extensions.get::<Peer>();
                let from = peer.map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| peer.0.ip());
                match passwords.check(&user, &password, from).await {
                    Checked::Right => Ok(()),
                    Checked::Wrong => Err(ErrorResponse::unauthorized(
                        "the user or password is wrong",
                        BASIC,
                    )),
                    Checked::TooMany { again_in } => {
                        let seconds = again_in.as_secs_f64().ceil().to_string();
                        let message = "too many wrong passwords came from this address";
                        let refusal = ErrorResponse::new(ErrorCode::TooManyRequests, message);
                        Err(refusal.with(header::RETRY_AFTER, &seconds))
                    }
                }
            }
            Self::Token { .. } if *resource == Resource::Token => Ok(()),
            Self::Token { tokens, scheme } => {
                let needed = needed(request, resource);
                let granted =
                    authorization(&request.headers, "bearer").map(|token| tokens.granted(token));
                let (message, error) = match &granted {
                    Some(Some(scopes)) if scopes.cover(&needed) => return Ok(()),
                    Some(Some(_)) => ("the token does not allow this", "insufficient_scope"),
                    Some(None) => ("the token is unknown or has expired", "invalid_token"),
                    None => ("a token is required", ""),
                };
                Err(ErrorResponse::unauthorized(
                    message,
                    &challenge(scheme, request, &needed, error),
                ))
            }
        }
    }

    /// `/token`: GET with Basic or anonymously, POST with an OAuth 2 form.
    pub(crate) async fn token(
        &self,
        request: &Parts,
        body: &mut Body,
    ) -> Result<Response, ErrorResponse> {
        let Self::Token { tokens, .. } = self else {
            return Err(ErrorResponse::new(
                ErrorCode::NameUnknown,
                "this registry issues no tokens",
            ));
        };
        match request.method {
            Method::GET => {
                let is_authenticated = tokens.credentials().in_headers(&request.headers);
                let has_credentials = request.headers.contains_key(header::AUTHORIZATION);
                tokens.get(&Query::of(&request.uri), is_authenticated, has_credentials)
            }
            Method::POST => tokens.post(body).await,
            _ => Err(ErrorResponse::new(
                ErrorCode::Unsupported,
                "tokens are requested with GET or POST",
            )),
        }
    }

    pub(crate) fn expire_tokens(&self) {
        match self {
            Self::Token { tokens, .. } => tokens.expire(),
            Self::Open | Self::Basic(_) | Self::Htpasswd(_) => {}
        }
    }
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
    // Mounting must not give what may not be pulled.
    if let (Resource::Uploads(_), Some(from)) = (resource, Query::of(&request.uri).get("from")) {
        scopes.push(Scope::repository(from, &["pull"]));
    }
    Scopes(scopes)
}

fn challenge(scheme: &str, request: &Parts, needed: &Scopes, error: &str) -> String {
    let host = request
        .headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let mut challenge = format!("Bearer realm=\"{scheme}://{host}/token\",service=\"transship\"");
    if !needed.0.is_empty() {
        challenge.push_str(&format!(",scope=\"{needed}\""));
    }
    if !error.is_empty() {
        challenge.push_str(&format!(",error=\"{error}\""));
    }
    challenge
}
