//! The token server: one request for one bearer token (Docker "Token Authentication Specification" for
//! GET, "OAuth2 Token Authentication" for POST).
//!
//! Decides the form of the request and what its answer means. Offline tokens are never requested: nothing here would
//! keep one, and requesting them breaks some servers (quirk 12, see registry/quirks.md). Redirects are followed only
//! within the server that the registry named. Invariants: a secret is sent only to that server, in a header or form.
//! A 404 from the token server is never "not found", which would read as an absent image.

use std::time::Duration;

use reqwest::{
    RequestBuilder, Response, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use url::{Url, form_urlencoded};

use super::{
    Credential,
    headers::basic,
    login_guard::LoginResult,
    token_answer::{self, Answer, Token, detail},
};
use crate::registry::{
    circuit_breaker::CircuitBreaker, connection::network, error::ErrorCause, error_body,
    secrets::Secrets, throttling::retry_after, tls::unreached,
};

/// For the whole answer, redirects and body included.
const DEADLINE: Duration = Duration::from_secs(60);
/// For the body of an error. What arrived until then is the message.
const ERROR_BODY_DEADLINE: Duration = Duration::from_secs(10);
const MAX_REDIRECTS: usize = 5;
const MAX_ANSWER_BYTES: usize = 1024 * 1024;
/// A token server, and which token to request from it.
pub(super) struct TokenServer<'a> {
    pub http: &'a reqwest::Client,
    pub breaker: &'a CircuitBreaker,
    pub realm: &'a Url,
    pub service: Option<&'a str>,
    pub scopes: &'a [String],
}

/// The method that the server answered to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenRequestMethod {
    Get,
    Post,
}

/// One request, which may be redirected.
struct Request {
    url: Url,
    authorization: Option<HeaderValue>,
    /// A POST with this form, a GET without one.
    form: Option<String>,
    secrets: Secrets,
}

impl TokenServer<'_> {
    /// Fetches a token for `credential`. Identity tokens are sent by POST unless `post` is false. If the server does
    /// not know POST (quirk 12: GCR 404, Artifactory 401, ACR 400), GET follows.
    pub(super) async fn fetch(
        &self,
        credential: &Credential,
        post: bool,
    ) -> Result<(Token, TokenRequestMethod), ErrorCause> {
        if let (Credential::Identity { token, .. }, true) = (credential, post) {
            let sent = Instant::now();
            let answer = send(self.http, self.breaker, self.post(token)).await?;
            if !matches!(answer.status, 400 | 401 | 404 | 405) {
                return Ok((token_answer::parse(answer, sent)?, TokenRequestMethod::Post));
            }
        }
        let sent = Instant::now();
        let answer = send(self.http, self.breaker, self.get(credential)?).await?;
        Ok((token_answer::parse(answer, sent)?, TokenRequestMethod::Get))
    }

    fn get(&self, credential: &Credential) -> Result<Request, ErrorCause> {
        let mut url = self.realm.clone();
        if self.service.is_some() || !self.scopes.is_empty() {
            let mut query = url.query_pairs_mut();
            query.extend_pairs(self.service.map(|service| ("service", service)));
            query.extend_pairs(self.scopes.iter().map(|scope| ("scope", scope)));
        }
        let authorization = match credential {
            Credential::Basic { username, password } => Some(basic(username, password)?),
            Credential::Identity { username, token } => Some(basic(username, token)?),
            Credential::Anonymous | Credential::Token(_) => None,
        };
        Ok(Request::get(url, authorization))
    }

    fn post(&self, token: &SecretString) -> Request {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "refresh_token")
            .append_pair("client_id", "transship")
            .append_pair("refresh_token", token.expose_secret())
            .extend_pairs(self.service.map(|service| ("service", service)));
        if !self.scopes.is_empty() {
            form.append_pair("scope", &self.scopes.join(" "));
        }
        Request {
            secrets: Secrets::of(self.realm, None).and(token.expose_secret()),
            url: self.realm.clone(),
            authorization: None,
            form: Some(form.finish()),
        }
    }
}

impl Request {
    fn get(url: Url, authorization: Option<HeaderValue>) -> Self {
        Self {
            secrets: Secrets::of(&url, authorization.as_ref()),
            url,
            authorization,
            form: None,
        }
    }

    fn builder(&self, http: &reqwest::Client) -> RequestBuilder {
        let builder = match &self.form {
            None => http.get(self.url.clone()),
            Some(form) => http
                .post(self.url.clone())
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form.clone()),
        };
        let builder = builder.header(ACCEPT, "application/json");
        match &self.authorization {
            None => builder,
            Some(authorization) => builder.header(AUTHORIZATION, authorization.clone()),
        }
    }

    /// The request as a redirect wants it (RFC 9110 15.4): only 307 and 308 keep a POST.
    fn redirected(self, status: StatusCode, location: &HeaderValue) -> Result<Self, ErrorCause> {
        let problem = |text: String| ErrorCause::Protocol(format!("the token server {text}"));
        let location = location.to_str().ok();
        let url = location.and_then(|location| self.url.join(location).ok());
        let url = url.ok_or_else(|| problem("redirects to what is not a URL".into()))?;
        // The registry did not name another server, so it must not get the credentials.
        if !is_same_server(&self.url, &url) {
            let other = url.host_str().unwrap_or("nowhere");
            let text = format!("redirects to another one, {other}, which is not followed");
            return Err(problem(text));
        }
        let keeps = matches!(
            status,
            StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT
        );
        Ok(Self {
            form: self.form.filter(|_| keeps),
            secrets: self.secrets.and_url(&url),
            url,
            authorization: self.authorization,
        })
    }
}

/// Whether `to` is on the server of `from`: the same origin, or the same host upgraded to https.
fn is_same_server(from: &Url, to: &Url) -> bool {
    let upgraded = from.host() == to.host()
        && (from.scheme(), to.scheme()) == ("http", "https")
        && (from.port(), to.port()) == (None, None);
    upgraded || from.origin() == to.origin()
}

/// Sends `request` and reads its answer within one deadline.
async fn send(
    http: &reqwest::Client,
    breaker: &CircuitBreaker,
    request: Request,
) -> Result<Answer, ErrorCause> {
    let pass = breaker.admit()?;
    match tokio::time::timeout(DEADLINE, follow(http, request)).await {
        Ok(Ok(answer)) => {
            pass.answered();
            Ok(answer)
        }
        Ok(Err(cause)) => Err(pass.connect_failed(cause)),
        Err(_) => Err(pass.unanswered(DEADLINE)),
    }
}

async fn follow(http: &reqwest::Client, mut request: Request) -> Result<Answer, ErrorCause> {
    for _ in 0..=MAX_REDIRECTS {
        let response = request.builder(http).send().await.map_err(unreached)?;
        let status = response.status();
        let location = match status.as_u16() {
            301 | 302 | 303 | 307 | 308 => response.headers().get(LOCATION),
            _ => None,
        };
        let Some(location) = location else {
            return Ok(Answer {
                status: status.as_u16(),
                retry_after: retry_after(response.headers()),
                body: body(response).await?,
                secrets: request.secrets,
            });
        };
        request = request.redirected(status, location)?;
    }
    let text = "the token server redirects in circles";
    Err(ErrorCause::Protocol(text.into()))
}

/// Checks a header at a registry that takes credentials itself.
pub(super) async fn check_header(
    http: &reqwest::Client,
    breaker: &CircuitBreaker,
    base: &Url,
    authorization: &HeaderValue,
) -> Result<LoginResult, ErrorCause> {
    let request = Request::get(base.clone(), Some(authorization.clone()));
    let answer = send(http, breaker, request).await?;
    if answer.status != StatusCode::UNAUTHORIZED.as_u16() {
        return Ok(LoginResult::Accepted);
    }
    let (code, message) = error_body::parse(&answer.body, &answer.secrets);
    let detail = detail(code, message);
    Ok(LoginResult::refused(format!("it said 401{detail}")))
}

async fn body(mut response: Response) -> Result<Vec<u8>, ErrorCause> {
    if response.status().as_u16() >= 400 {
        return Ok(error_body::read_limited(response, ERROR_BODY_DEADLINE).await);
    }
    let mut body = Vec::new();
    // The request's deadline covers its body.
    while let Some(chunk) = response.chunk().await.map_err(network)? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            let text = "the token server sent far more than a token";
            return Err(ErrorCause::Protocol(text.into()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
