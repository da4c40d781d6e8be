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
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;
use url::{Url, form_urlencoded};

use super::{
    Credential,
    headers::{basic, bearer},
    login_guard::LoginResult,
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
/// The lifetime of a token whose answer has none (Docker "Token Authentication Specification").
const DEFAULT_LIFETIME: Duration = Duration::from_secs(60);
/// A longer lifetime is cut to this.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) struct Token {
    pub header: HeaderValue,
    /// From then on a new one is fetched.
    pub stale: Instant,
}

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

/// The answer. The body of an error may be cut off.
struct Answer {
    status: u16,
    retry_after: Option<Duration>,
    body: Vec<u8>,
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
                return Ok((read(answer, sent)?, TokenRequestMethod::Post));
            }
        }
        let sent = Instant::now();
        let answer = send(self.http, self.breaker, self.get(credential)?).await?;
        Ok((read(answer, sent)?, TokenRequestMethod::Get))
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

fn read(answer: Answer, sent: Instant) -> Result<Token, ErrorCause> {
    let status = answer.status;
    if status >= 400 {
        return Err(refusal(&answer));
    }
    if status >= 300 {
        let text = format!("the token server said {status} and no token");
        return Err(ErrorCause::Protocol(text));
    }
    let (token, lifetime) = token(&answer.body)
        .ok_or_else(|| ErrorCause::Protocol("the token server sent no token".into()))?;
    Ok(Token {
        header: bearer(&token)?,
        // Counted from the request, which is before the server issued it. Renewed while a fifth is left.
        stale: sent + lifetime * 4 / 5,
    })
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

fn refusal(answer: &Answer) -> ErrorCause {
    let Answer {
        status,
        retry_after,
        ..
    } = *answer;
    let (code, message) = error_body::parse(&answer.body, &answer.secrets);
    let throttled = code.as_deref() == Some("TOOMANYREQUESTS");
    match status {
        408 | 425 | 429 | 499.. => ErrorCause::Status {
            status,
            code,
            message,
            retry_after,
        },
        _ if throttled => ErrorCause::Status {
            status,
            code,
            message,
            retry_after,
        },
        _ => {
            let detail = detail(code, message);
            ErrorCause::Auth(format!("the token server said {status}{detail}"))
        }
    }
}

fn detail(code: Option<String>, message: Option<String>) -> String {
    let text = message.or(code).map(|text| format!(" ({text})"));
    text.unwrap_or_default()
}

/// The token and its lifetime. `issued_at` is ignored, because the server's clock may be wrong.
fn token(body: &[u8]) -> Option<(SecretString, Duration)> {
    #[derive(Deserialize)]
    struct Answer {
        token: Option<String>,
        access_token: Option<String>,
        #[serde(default)]
        expires_in: Value,
    }
    let answer: Answer = serde_json::from_slice(body).ok()?;
    let token = [answer.token, answer.access_token]
        .into_iter()
        .flatten()
        .find(|token| !token.is_empty())?;
    let seconds = match &answer.expires_in {
        Value::Number(seconds) => seconds.as_f64(),
        Value::String(seconds) => seconds.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let lifetime = match seconds {
        Some(seconds) if seconds >= 1.0 => {
            Duration::try_from_secs_f64(seconds).unwrap_or(MAX_LIFETIME)
        }
        // Absent, unreadable, or zero, which some servers send for "no limit".
        _ => DEFAULT_LIFETIME,
    };
    Some((token.into(), lifetime.min(MAX_LIFETIME)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::registry::{Error, FailureClass, Operation};

    fn lifetime(expires_in: &str) -> u64 {
        let body = format!(r#"{{"token":"t","issued_at":"1970-01-01T00:00:00Z"{expires_in}}}"#);
        token(body.as_bytes()).unwrap().1.as_secs()
    }

    fn class(cause: ErrorCause) -> FailureClass {
        let registry = "r.example".parse().unwrap();
        let cause = Box::new(cause);
        Error {
            operation: Operation::FetchToken,
            registry,
            url: None,
            cause,
        }
        .class()
    }

    fn refused(status: u16, retry_after: Option<Duration>) -> ErrorCause {
        refusal(&Answer {
            status,
            retry_after,
            body: Vec::new(),
            secrets: Secrets::default(),
        })
    }

    #[test]
    fn lifetimes_are_taken_from_servers_that_say_something_sensible() {
        assert_eq!(lifetime(""), 60);
        assert_eq!(lifetime(r#","expires_in":null"#), 60);
        assert_eq!(lifetime(r#","expires_in":0"#), 60);
        assert_eq!(lifetime(r#","expires_in":-5"#), 60);
        assert_eq!(lifetime(r#","expires_in":300"#), 300);
        assert_eq!(lifetime(r#","expires_in":299.9"#), 299);
        assert_eq!(lifetime(r#","expires_in":"300""#), 300);
        assert_eq!(lifetime(r#","expires_in":"soon""#), 60);
        assert_eq!(lifetime(r#","expires_in":1e300"#), 86_400);
        assert_eq!(lifetime(r#","expires_in":18446744073709551615"#), 86_400);
    }

    #[test]
    fn a_token_has_two_names() {
        let secret = |body: &str| token(body.as_bytes()).map(|(t, _)| t.expose_secret().to_owned());
        assert_eq!(
            secret(r#"{"token":"","access_token":"a"}"#),
            Some("a".into())
        );
        assert_eq!(
            secret(r#"{"token":"t","access_token":"a"}"#),
            Some("t".into())
        );
        assert_eq!(secret("{}"), None);
        assert_eq!(secret("<html>"), None);
    }

    #[test]
    fn a_token_server_that_is_busy_is_transient() {
        let pause = Some(Duration::from_secs(7));
        for status in [408, 429, 500, 502, 503, 504] {
            let transient = FailureClass::Transient {
                retry_after_ms: pause.map(Into::into),
            };
            assert_eq!(class(refused(status, pause)), transient, "{status}");
        }
    }

    #[test]
    fn a_token_server_that_says_404_does_not_mean_the_image() {
        for status in [400, 401, 403, 404, 405, 410] {
            assert_eq!(class(refused(status, None)), FailureClass::Auth, "{status}");
        }
    }

    proptest! {
        #[test]
        fn any_answer_is_read_without_panic(seconds in any::<f64>(), body in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = token(&body);
            let _ = token(format!("{{\"token\":\"t\",\"expires_in\":{seconds:e}}}").as_bytes());
        }
    }
}
