//! One registry's client: where it is, who we are there, and how one request is sent.
//!
//! Decides URL, authorization and deadline of a request and turns refusals into [`Error`]s; what the
//! requests are is in the files named after resources. Invariant: credentials go to the registry's own
//! host and to its token server, never to where it redirects.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{
    Method, Response,
    header::{ACCEPT_ENCODING, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LOCATION},
};
use tokio::{sync::OnceCell, time::Instant};
use url::Url;

use super::{
    Credentials, Lane, Limits, TlsSettings,
    auth::{Authorizer, Scopes},
    error::{Error, ErrorCause, Operation, is_broken, network, read_error_body, redacted},
    throttling::{Budget, Throttling, retry_after},
    tls,
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
    pub patience: Patience,
    /// Proxy URL for this registry instead of the environment's.
    pub proxy: Option<String>,
}

/// How long a registry may be silent before it is given up. All of it is about silence: what flows,
/// however slowly, is never cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For the answer to a request that carries no stream.
    pub answer: Duration,
    /// For the next byte of a blob, or for room to send one.
    pub byte: Duration,
    /// For the answer after the last byte of a blob of a GiB or more: registries on object storage take
    /// minutes. Shorter ones get their share of it.
    pub commit: Duration,
    /// Between two tries to mend the same cut.
    pub mend: Duration,
}

impl Patience {
    /// How long the answer to a body of `bytes` may take once it is sent.
    #[must_use]
    pub fn answer_to(&self, bytes: u64) -> Duration {
        let share = bytes as f64 / f64::from(1 << 30);
        (self.byte + self.commit.mul_f64(share.min(1.0))).min(self.commit.max(self.byte))
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(90),
            byte: Duration::from_secs(60),
            commit: Duration::from_secs(15 * 60),
            mend: Duration::from_millis(500),
        }
    }
}

pub struct Client {
    registry: Registry,
    base: Url,
    http: reqwest::Client,
    auth: Authorizer,
    lane: Lane,
    patience: Patience,
    pub(super) learned: Learned,
    /// Set once the registry answered at `/v2/`.
    reached: OnceCell<()>,
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

/// Why there is no answer at all.
enum Untransmitted {
    /// The connection broke; another one may not.
    Broken(ErrorCause),
    Failed(ErrorCause),
}

impl CallBody {
    /// The same body once more, where it can be had.
    fn replay(&self) -> Option<Self> {
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
        let through_proxy = !registry.is_loopback();
        let http = tls::http_client(&settings.tls, settings.proxy.as_deref(), through_proxy)
            .map_err(fail)?;
        Ok(Self {
            base,
            http,
            auth: Authorizer::new(settings.credentials),
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

    /// Asks `/v2/` once, to learn how this registry wants to be authorized (quirk 51).
    pub async fn reach(&self) -> Result<(), Error> {
        let ping = || async {
            let call = Call::new(
                Operation::Ping,
                Method::GET,
                self.base.clone(),
                Scopes::none(),
            );
            let (response, elapsed) = self.transmit(&call, CallBody::Empty, None).await?;
            if matches!(response.status().as_u16(), 429 | 500..) {
                return self.accept(&call, response, elapsed).await.map(drop);
            }
            self.auth
                .learn(response.status().as_u16(), response.headers())
                .map_err(|cause| self.error(Operation::Ping, Some(&self.base), cause))
        };
        self.reached.get_or_try_init(ping).await.copied()
    }

    /// Sends `call`; any status below 400 is a success. What is read is followed where it is redirected
    /// to; storage never sees the registry's credentials.
    pub(super) async fn send(&self, mut call: Call) -> Result<Response, Error> {
        self.reach().await?;
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
            let target = self.resolve(call.operation, &call.url, location)?;
            self.may_lead_to(call.operation, &call.url, &target).await?;
            call.url = target;
        }
        Err(self.protocol(call.operation, &call.url, "it redirects in circles"))
    }

    /// One request and its answer, authorized again if it has to be.
    async fn exchange(&self, call: &Call, body: CallBody) -> Result<Response, Error> {
        let authorization = self.authorization(call).await?;
        let replay = body.replay();
        let (response, elapsed) = self.transmit(call, body, authorization.as_ref()).await?;
        if response.status().as_u16() != 401 || !self.is_own(&call.url) {
            return self.accept(call, response, elapsed).await;
        }
        // Expired, revoked, or this path asks for more than /v2/ did: once more with a new header.
        let learned = self.auth.learn(401, response.headers());
        self.auth.forget(&call.scopes, authorization.as_ref());
        let Some(body) = replay else {
            return self.accept(call, response, elapsed).await;
        };
        let renewed = match learned {
            Ok(()) => self.authorization(call).await?,
            Err(_) => None,
        };
        if renewed == authorization {
            return self.accept(call, response, elapsed).await;
        }
        let (response, elapsed) = self.transmit(call, body, renewed.as_ref()).await?;
        self.accept(call, response, elapsed).await
    }

    async fn authorization(&self, call: &Call) -> Result<Option<HeaderValue>, Error> {
        if !self.is_own(&call.url) {
            return Ok(None);
        }
        self.auth
            .header(&self.http, &call.scopes)
            .await
            .map_err(|cause| self.error(Operation::FetchToken, Some(&call.url), cause))
    }

    /// Sends the request, once more if the connection broke before anything was answered: kept open too
    /// long, or led to a server that speaks another protocol (quirk 19).
    async fn transmit(
        &self,
        call: &Call,
        body: CallBody,
        authorization: Option<&HeaderValue>,
    ) -> Result<(Response, Option<Duration>), Error> {
        let replay = body.replay();
        match (self.try_transmit(call, body, authorization).await, replay) {
            (Err(Untransmitted::Broken(_)), Some(body)) => {
                self.try_transmit(call, body, authorization).await
            }
            (transmitted, _) => transmitted,
        }
        .map_err(
            |(Untransmitted::Broken(cause) | Untransmitted::Failed(cause))| {
                self.error(call.operation, Some(&call.url), cause)
            },
        )
    }

    async fn try_transmit(
        &self,
        call: &Call,
        body: CallBody,
        authorization: Option<&HeaderValue>,
    ) -> Result<(Response, Option<Duration>), Untransmitted> {
        let closed = |left| Untransmitted::Failed(ErrorCause::Closed(left));
        self.lane.enter().await.map_err(closed)?;
        let mut headers: HeaderMap = call.headers.iter().cloned().collect();
        // Sizes and digests are of the stored bytes (quirk 29).
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(authorization) = authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        let request = self
            .http
            .request(call.method.clone(), call.url.clone())
            .headers(headers);
        let fail = |error| match is_broken(&error) {
            true => Untransmitted::Broken(network(error)),
            false => Untransmitted::Failed(network(error)),
        };
        let answer = match body {
            CallBody::Stream(stream) => {
                let answer = request.body(stream).send().await.map_err(fail)?;
                return Ok((answer, None));
            }
            CallBody::Empty => request.send(),
            CallBody::Bytes(bytes) => request.body(bytes).send(),
        };
        let sent = Instant::now();
        match tokio::time::timeout(self.patience.answer, answer).await {
            Ok(answer) => Ok((answer.map_err(fail)?, Some(sent.elapsed()))),
            Err(_) => {
                self.lane.answered(None, Throttling::Strain, None);
                let cause = ErrorCause::Stalled(self.patience.answer);
                Err(Untransmitted::Failed(cause))
            }
        }
    }

    /// Takes in what an answer says of the lane, and turns a refusal into an error.
    async fn accept(
        &self,
        call: &Call,
        response: Response,
        elapsed: Option<Duration>,
    ) -> Result<Response, Error> {
        let status = response.status().as_u16();
        let own = self.is_own(&call.url);
        let budget = Budget::read(response.headers()).filter(|_| own);
        if status < 400 {
            if own {
                self.lane.answered(elapsed, Throttling::None, budget);
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
            true => self.lane.answered(elapsed, throttling, budget),
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

    /// `location` as the registry meant it: relative to `asked` (RFC 9110 10.2.2), and with the host and
    /// scheme that did answer where a proxy in front made the registry write plain `http` (quirk 30).
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
        let mut url = asked
            .join(text)
            .map_err(|_| protocol("the Location is not a URL"))?;
        if asked.scheme() == "https" && url.scheme() == "http" {
            if url.host() != asked.host() {
                return Err(protocol(
                    "the Location leads from https to http on another host",
                ));
            }
            // `set_scheme` and `set_port` only fail for URLs without a host.
            let _ = url.set_scheme("https");
            let _ = url.set_port(asked.port());
        }
        match url.scheme() {
            "http" | "https" => Ok(url),
            _ => Err(protocol("the Location is not an http URL")),
        }
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
        let mut body = Vec::new();
        loop {
            let chunk = tokio::time::timeout(self.patience.byte, response.chunk())
                .await
                .map_err(|_| {
                    self.error(
                        operation,
                        Some(url),
                        ErrorCause::Stalled(self.patience.byte),
                    )
                })?
                .map_err(|error| self.error(operation, Some(url), network(error)))?;
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
async fn limited_body(mut response: Response) -> Vec<u8> {
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
