//! One registry's client: where it is, who we are there, and how one request is sent.
//!
//! Decides URL, authorization and deadline of a request and turns refusals into [`Error`]s; what the
//! requests are is in the files named after resources. Invariant: credentials go to the registry's own
//! host and to its token server, never to where it redirects.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use reqwest::{
    Method, Response,
    header::{ACCEPT_ENCODING, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LOCATION},
};
use tokio::{sync::OnceCell, time::Instant};
use url::Url;

use super::{
    Credentials, Flow, Lane, Limits, Patience, Proxy, TlsSettings,
    auth::{Authorizer, Scopes},
    boundary::Boundary,
    error::{Error, ErrorCause, Operation, read_error_body, redacted},
    lane::Closed,
    throttling::{Budget, Throttling, retry_after},
    tls,
    transport::{is_broken, network},
    upload_mode::Learned,
};
use crate::oci::{Registry, Repository};

/// How one registry is to be reached.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Unencrypted HTTP; when nothing is written it is used for loopback only.
    pub plain_http: Option<bool>,
    pub tls: TlsSettings,
    pub credentials: Credentials,
    pub limits: Limits,
    pub proxy: Proxy,
    pub patience: Patience,
}

pub struct Client {
    registry: Registry,
    pub(super) base: Url,
    pub(super) http: reqwest::Client,
    pub(super) auth: Arc<Authorizer>,
    /// Hosts this registry redirects to that want tokens of their own (quirk 34).
    pub(super) elsewhere: Mutex<HashMap<url::Origin, Arc<Authorizer>>>,
    pub(super) boundary: Boundary,
    /// Requests go through a proxy, whose address says nothing about the registry's.
    pub(super) proxied: bool,
    lane: Lane,
    patience: Patience,
    pub(super) learned: Learned,
    /// Set once the registry answered at `/v2/`.
    pub(super) reached: OnceCell<()>,
}

/// One request to the registry.
pub(super) struct Call {
    pub operation: Operation,
    pub method: Method,
    pub url: Url,
    pub scopes: Scopes,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: CallBody,
}

pub(super) enum CallBody {
    Empty,
    Bytes(Bytes),
    /// Sent once; whoever streams watches for stalls, so there is no deadline.
    Stream(reqwest::Body),
}

/// Registries redirect to storage, storage rarely on to another place.
const MOST_REDIRECTS: usize = 5;
/// As much of an error body as is read.
const ERROR_BODY_LIMIT: usize = 64 * 1024;

/// How long the registry took to answer; not known where it waited for a body.
#[derive(Clone, Copy)]
struct AnsweredAfter(Duration);

/// An answer, and what the request identified itself with.
pub(super) struct Exchanged {
    pub response: Response,
    pub authorization: Option<HeaderValue>,
}

/// Why there is no answer at all.
enum Untransmitted {
    /// The connection broke; another one may not.
    Broken(Error),
    Failed(Error),
}

impl CallBody {
    /// The same body once more, where it can be had.
    pub(super) fn replay(&self) -> Option<Self> {
        match self {
            Self::Empty => Some(Self::Empty),
            Self::Bytes(bytes) => Some(Self::Bytes(bytes.clone())),
            Self::Stream(_) => None,
        }
    }
}

impl Call {
    pub(super) fn new(operation: Operation, method: Method, url: Url, scopes: Scopes) -> Self {
        Self {
            operation,
            method,
            url,
            scopes,
            headers: Vec::new(),
            body: CallBody::Empty,
        }
    }

    pub(super) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(super) fn body(self, body: CallBody) -> Self {
        Self { body, ..self }
    }
}

impl Client {
    /// A client for `registry`; nothing is sent yet.
    pub fn new(registry: Registry, settings: Settings) -> Result<Self, Error> {
        let fail = |cause| Error {
            operation: Operation::Ping,
            registry: registry.clone(),
            url: None,
            cause: Box::new(cause),
        };
        let plain = settings
            .plain_http
            .unwrap_or_else(|| registry.is_loopback());
        let scheme = if plain { "http" } else { "https" };
        let base = Url::parse(&format!("{scheme}://{}/v2/", registry.api_host()))
            .map_err(|error| fail(ErrorCause::Configuration(error.to_string())))?;
        let proxy = match registry.is_loopback() {
            true => Proxy::None,
            false => settings.proxy,
        };
        let http = tls::http_client(&registry, &settings.tls, &proxy).map_err(fail)?;
        Ok(Self {
            auth: Arc::new(Authorizer::of_registry(
                http.clone(),
                base.clone(),
                settings.credentials,
            )),
            elsewhere: Mutex::default(),
            boundary: Boundary::new(base.clone()),
            proxied: proxy.is_used_for(&base),
            base,
            http,
            lane: Lane::new(settings.limits),
            patience: settings.patience,
            learned: Learned::default(),
            reached: OnceCell::new(),
            registry,
        })
    }

    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    #[must_use]
    pub fn patience(&self) -> Patience {
        self.patience
    }

    #[must_use]
    pub fn lane(&self) -> &Lane {
        &self.lane
    }

    /// Sends `call`; any status below 400 is a success. What is read is followed where it is redirected
    /// to; storage never sees the registry's credentials.
    pub(super) async fn send(&self, mut call: Call) -> Result<Response, Error> {
        let body = std::mem::replace(&mut call.body, CallBody::Empty);
        if !matches!(call.method, Method::GET | Method::HEAD) {
            return self.exchange(&call, body).await;
        }
        for _ in 0..=MOST_REDIRECTS {
            let response = self.exchange(&call, CallBody::Empty).await?;
            if !response.status().is_redirection() {
                return Ok(response);
            }
            let location = response.headers().get(LOCATION);
            call.url = self.resolve(call.operation, &call.url, location)?;
        }
        Err(self.protocol(call.operation, &call.url, "it redirects in circles"))
    }

    /// Sends the request, as whom `auth` says, once more if the connection broke before anything was
    /// answered: kept open too long, or led to a server that speaks another protocol (quirk 19).
    pub(super) async fn transmit(
        &self,
        call: &Call,
        body: CallBody,
        auth: Option<&Authorizer>,
    ) -> Result<Exchanged, Error> {
        let replay = body.replay();
        let transmitted = match (self.try_transmit(call, body, auth).await, replay) {
            (Err(Untransmitted::Broken(_)), Some(body)) => {
                self.try_transmit(call, body, auth).await
            }
            (transmitted, _) => transmitted,
        };
        transmitted.map_err(|(Untransmitted::Broken(error) | Untransmitted::Failed(error))| error)
    }

    async fn try_transmit(
        &self,
        call: &Call,
        body: CallBody,
        auth: Option<&Authorizer>,
    ) -> Result<Exchanged, Untransmitted> {
        let error = |cause| self.error(call.operation, Some(&call.url), cause);
        let closed = |closed: Closed| Untransmitted::Failed(error(closed.into()));
        self.lane.enter(call.operation).await.map_err(closed)?;
        let own = self.is_own(&call.url);
        // Not before: what was good when the request began to wait may have expired meanwhile.
        let authorization = match auth {
            Some(auth) => self
                .authorization(auth, call)
                .await
                .map_err(Untransmitted::Failed)?,
            None => None,
        };
        let mut headers: HeaderMap = call.headers.iter().cloned().collect();
        // Sizes and digests are of the stored bytes (quirk 29).
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(authorization) = &authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        let request = self
            .http
            .request(call.method.clone(), call.url.clone())
            .headers(headers);
        let fail = |failure| match is_broken(&failure) {
            true if self.reached.initialized() => Untransmitted::Broken(error(network(failure))),
            true => Untransmitted::Broken(error(tls::unreached(failure))),
            false => Untransmitted::Failed(error(match own {
                true => self.missed(tls::unreached(failure)),
                false => tls::unreached(failure),
            })),
        };
        let answered = || {
            if own {
                self.lane.reached();
            }
        };
        let answer = match body {
            CallBody::Stream(stream) => {
                let response = request.body(stream).send().await.map_err(fail)?;
                answered();
                return Ok(Exchanged {
                    response,
                    authorization,
                });
            }
            CallBody::Empty => request.send(),
            CallBody::Bytes(bytes) => request.body(bytes).send(),
        };
        let sent = Instant::now();
        match tokio::time::timeout(self.patience.answer, answer).await {
            Ok(answer) => {
                let mut response = answer.map_err(fail)?;
                answered();
                let elapsed = AnsweredAfter(sent.elapsed());
                response.extensions_mut().insert(elapsed);
                Ok(Exchanged {
                    response,
                    authorization,
                })
            }
            Err(_) => {
                let strain = Throttling::Strain;
                self.lane.answered(call.operation, None, strain, None);
                let stalled = ErrorCause::Stalled(self.patience.answer);
                Err(Untransmitted::Failed(error(stalled)))
            }
        }
    }

    /// What a connection that could not be made means for the lane.
    fn missed(&self, cause: ErrorCause) -> ErrorCause {
        match cause {
            ErrorCause::Unreachable { why, .. } => ErrorCause::Unreachable {
                again: self.lane.missed(&why),
                why,
            },
            cause => cause,
        }
    }

    /// Takes in what an answer says of the lane, and turns a refusal into an error.
    pub(super) async fn accept(&self, call: &Call, response: Response) -> Result<Response, Error> {
        let status = response.status().as_u16();
        let own = self.is_own(&call.url);
        let elapsed = response.extensions().get().copied();
        let elapsed = elapsed.map(|AnsweredAfter(elapsed)| elapsed);
        let budget = Budget::read(response.headers()).filter(|_| own);
        if status < 400 {
            if own {
                self.lane
                    .answered(call.operation, elapsed, Throttling::None, budget);
            }
            return Ok(response);
        }
        let asked = retry_after(response.headers());
        let (code, message) = match call.method {
            Method::HEAD => (None, None),
            _ => read_error_body(&limited_body(response).await),
        };
        let throttling = Throttling::of(status, code.as_deref(), message.as_deref(), asked, budget);
        let pause = match own {
            true => self
                .lane
                .answered(call.operation, elapsed, throttling, budget),
            false => None,
        };
        // A 503 without a time may be one that stays: it is tried again as often as any failure.
        let retry_after = if status == 503 {
            asked
        } else {
            pause.or(asked)
        };
        let cause = ErrorCause::Status {
            status,
            code,
            message,
            retry_after,
        };
        Err(self.error(call.operation, Some(&call.url), cause))
    }

    /// The URL of `path` below `/v2/`.
    pub(super) fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("/v2/{path}"));
        url
    }

    pub(super) fn repository_url(&self, repository: &Repository, rest: &str) -> Url {
        self.url(&format!("{repository}/{rest}"))
    }

    /// Whether `url` is this registry's own, so that it may see credentials.
    pub(super) fn is_own(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    /// `location` as the registry meant it, if it may be followed (quirks 30 and 35).
    pub(super) fn resolve(
        &self,
        operation: Operation,
        asked: &Url,
        location: Option<&HeaderValue>,
    ) -> Result<Url, Error> {
        let protocol =
            |text: &str| self.error(operation, Some(asked), ErrorCause::Protocol(text.into()));
        let text = location
            .ok_or_else(|| protocol("there is no Location"))?
            .to_str()
            .map_err(|_| protocol("the Location is not text"))?;
        self.boundary
            .lead(asked, text)
            .map_err(|astray| protocol(&format!("the Location {astray}")))
    }

    pub(super) fn error(
        &self,
        operation: Operation,
        url: Option<&Url>,
        cause: ErrorCause,
    ) -> Error {
        Error {
            operation,
            registry: self.registry.clone(),
            url: url.map(redacted),
            cause: Box::new(cause),
        }
    }

    pub(super) fn protocol(
        &self,
        operation: Operation,
        url: &Url,
        text: impl Into<String>,
    ) -> Error {
        self.error(operation, Some(url), ErrorCause::Protocol(text.into()))
    }

    /// The whole body, if it has at most `limit` bytes.
    pub(super) async fn read_body(
        &self,
        operation: Operation,
        url: &Url,
        mut response: Response,
        limit: usize,
    ) -> Result<Bytes, Error> {
        let fail = |cause| self.error(operation, Some(url), cause);
        let (mut body, mut flow) = (Vec::new(), Flow::default());
        loop {
            let asked = Instant::now();
            let chunk = tokio::time::timeout(self.patience.byte, response.chunk())
                .await
                .map_err(|_| fail(ErrorCause::Stalled(self.patience.byte)))?
                .map_err(|error| fail(network(error)))?;
            let bytes = chunk.as_ref().map_or(0, Bytes::len) as u64;
            flow.moved(bytes, asked.elapsed(), &self.patience)
                .map_err(fail)?;
            match chunk {
                Some(chunk) if body.len() + chunk.len() > limit => {
                    let text = format!("the answer has more than {limit} bytes");
                    return Err(self.protocol(operation, url, text));
                }
                Some(chunk) => body.extend_from_slice(&chunk),
                None => return Ok(body.into()),
            }
        }
    }
}

/// As much of an error's body as is worth reading; a body that breaks off is as good as it got.
pub(super) async fn limited_body(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Ok(Some(chunk))) =
        tokio::time::timeout(Duration::from_secs(10), response.chunk()).await
    {
        body.extend_from_slice(&chunk);
        if body.len() >= ERROR_BODY_LIMIT {
            body.truncate(ERROR_BODY_LIMIT);
            break;
        }
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(registry: &str, plain_http: Option<bool>) -> Client {
        let settings = Settings {
            plain_http,
            ..Settings::default()
        };
        Client::new(registry.parse().unwrap(), settings).unwrap()
    }

    fn resolved(client: &Client, location: &str) -> Result<String, Error> {
        let asked = client.url("a/b/blobs/uploads/");
        let location = HeaderValue::from_str(location).unwrap();
        client
            .resolve(Operation::BeginUpload, &asked, Some(&location))
            .map(String::from)
    }

    #[test]
    fn loopback_is_plain_and_the_world_is_not() {
        assert_eq!(
            client("127.0.0.1:5000", None).base.as_str(),
            "http://127.0.0.1:5000/v2/"
        );
        assert_eq!(client("localhost:5000", Some(false)).base.scheme(), "https");
        assert_eq!(
            client("docker.io", None).base.as_str(),
            "https://registry-1.docker.io/v2/"
        );
    }

    #[test]
    fn odd_locations_are_resolved_against_the_request() {
        // Quirk 30.
        let client = client("r.example:8443", None);
        let relative = resolved(&client, "/v2/a/b/blobs/uploads/1?_state=a%2Fb==").unwrap();
        assert_eq!(
            relative,
            "https://r.example:8443/v2/a/b/blobs/uploads/1?_state=a%2Fb=="
        );
        assert_eq!(
            resolved(&client, "1").unwrap(),
            "https://r.example:8443/v2/a/b/blobs/uploads/1"
        );
        assert_eq!(
            resolved(&client, "//r.example:8443/x").unwrap(),
            "https://r.example:8443/x"
        );
        assert_eq!(
            resolved(&client, "http://r.example/x").unwrap(),
            "https://r.example:8443/x"
        );
        assert!(resolved(&client, "http://evil.example/x").is_err());
        assert!(resolved(&client, "file:///etc/passwd").is_err());
    }

    #[test]
    fn only_the_registry_itself_sees_credentials() {
        let client = client("r.example", None);
        assert!(client.is_own(&"https://r.example:443/v2/x".parse().unwrap()));
        assert!(!client.is_own(&"https://s3.example/x".parse().unwrap()));
        assert!(!client.is_own(&"http://r.example/x".parse().unwrap()));
    }
}
