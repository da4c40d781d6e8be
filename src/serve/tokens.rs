//! The token endpoint: which tokens it issues, and until when they are valid
//! (distribution "Token Authentication Specification" for GET, "OAuth2 Token Authentication" for POST).
//!
//! Invariant: a token is random and only valid in the process that issued it.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
    time::Instant,
};

use axum::{body::Body, response::Response};
use http_body_util::{BodyExt, Limited};
use serde_json::{Value, json};

use super::{
    credentials::{Credentials, TokenAuth},
    errors::{ErrorCode, ErrorResponse},
    paths::Query,
    responses::json as json_response,
    scopes::Scopes,
};

/// More than any form a client sends.
const MAX_FORM_BYTES: usize = 64 * 1024;

pub(crate) struct Tokens {
    auth: TokenAuth,
    issued: Mutex<Issued>,
}

#[derive(Default)]
struct Issued {
    tokens: HashMap<String, Grant>,
    refresh_tokens: HashSet<String>,
}

struct Grant {
    scopes: Scopes,
    expires: Instant,
}

impl Tokens {
    pub(crate) fn new(auth: TokenAuth) -> Self {
        Self {
            auth,
            issued: Mutex::default(),
        }
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        &self.auth.credentials
    }

    /// What a token allows; `None` if it is unknown or has expired.
    pub(crate) fn granted(&self, token: &str) -> Option<Scopes> {
        let issued = self.issued();
        let grant = issued.tokens.get(token)?;
        (grant.expires > Instant::now()).then(|| grant.scopes.clone())
    }

    /// Makes every token expire now. Refresh tokens stay valid.
    pub(crate) fn expire(&self) {
        self.issued().tokens.clear();
    }

    /// `is_authenticated`: the request has the right credentials. `has_credentials`: it has some.
    pub(crate) fn get(
        &self,
        query: &Query<'_>,
        is_authenticated: bool,
        has_credentials: bool,
    ) -> Result<Response, ErrorResponse> {
        let scopes = Scopes::parse(query.all("scope"));
        let scopes = match (is_authenticated, has_credentials) {
            (true, _) => scopes,
            (false, false) if self.auth.anonymous_pull => scopes.only_pull(),
            (false, _) => return Err(wrong_credentials()),
        };
        let mut answer = self.issue(scopes);
        if is_authenticated && query.get("offline_token") == Some("true") {
            answer["refresh_token"] = self.issue_refresh_token().into();
        }
        Ok(json_response(&answer))
    }

    pub(crate) async fn post(&self, body: &mut Body) -> Result<Response, ErrorResponse> {
        let form = Limited::new(body, MAX_FORM_BYTES).collect().await;
        let form = form
            .map_err(|_| ErrorResponse::new(ErrorCode::SizeInvalid, "the form could not be read"))?
            .to_bytes();
        let form = Query::parse(&form);
        let field = |name| form.get(name).unwrap_or_default();
        let refresh_token = match field("grant_type") {
            "password"
                if self
                    .auth
                    .credentials
                    .are(field("username"), field("password")) =>
            {
                (field("access_type") == "offline").then(|| self.issue_refresh_token())
            }
            "refresh_token"
                if self
                    .issued()
                    .refresh_tokens
                    .contains(field("refresh_token")) =>
            {
                Some(field("refresh_token").to_owned())
            }
            "password" | "refresh_token" => return Err(wrong_credentials()),
            _ => {
                return Err(ErrorResponse::new(
                    ErrorCode::Unsupported,
                    "grant_type is password or refresh_token",
                ));
            }
        };
        let mut answer = self.issue(Scopes::parse(form.all("scope")));
        if let Some(refresh_token) = refresh_token {
            answer["refresh_token"] = refresh_token.into();
        }
        Ok(json_response(&answer))
    }

    fn issue(&self, scopes: Scopes) -> Value {
        let token = secret();
        let now = Instant::now();
        let answer = json!({
            "token": token,
            "access_token": token,
            "expires_in": self.auth.lifetime.as_secs(),
            "issued_at": jiff::Timestamp::now().to_string(),
            "scope": scopes.to_string(),
        });
        let mut issued = self.issued();
        issued.tokens.retain(|_, grant| grant.expires > now);
        let expires = now + self.auth.lifetime;
        issued.tokens.insert(token, Grant { scopes, expires });
        answer
    }

    fn issue_refresh_token(&self) -> String {
        let token = secret();
        self.issued().refresh_tokens.insert(token.clone());
        token
    }

    fn issued(&self) -> std::sync::MutexGuard<'_, Issued> {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn secret() -> String {
    format!(
        "{:032x}{:032x}",
        rand::random::<u128>(),
        rand::random::<u128>()
    )
}

fn wrong_credentials() -> ErrorResponse {
    ErrorResponse::unauthorized("the user or password is wrong", "Basic realm=\"transship\"")
}
