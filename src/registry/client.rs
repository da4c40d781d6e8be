//! One registry's client: where it is, who we are there, and which places are its own.
//!
//! Decides URLs and which redirects are followed; how one request is sent is `transmission`, what the
//! requests are is in the files named after resources. Invariant: a body that is kept has a limit.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use reqwest::{
    Method, Response,
    dns::Resolve,
    header::{HeaderValue, LOCATION},
};
use tokio::time::Instant;
use url::Url;

use super::{
    Credentials, Limits, MinThroughput, Proxy, RegistryLimiter, SingleFlight, Timeouts,
    TlsSettings,
    auth::Authorizer,
    circuit_breaker::CircuitBreaker,
    connection::network,
    error::{Error, ErrorCause, Operation, redacted},
    http::{Request, RequestBody},
    http_clients::HttpClients,
    private_network::SystemResolver,
    redirect_policy::RedirectPolicy,
    upload_mode::Learned,
};
use crate::{
    batch::RegistryStatus,
    oci::{Registry, Repository},
};

/// How one registry is to be reached.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Unencrypted HTTP; when nothing is written it is used for loopback only.
    pub plain_http: Option<bool>,
    pub tls: TlsSettings,
    pub credentials: Credentials,
    pub limits: Limits,
    pub proxy: Proxy,
    pub timeouts: Timeouts,
    /// Follow a registry outside to addresses inside this network, for storage that is reached from within.
    pub allow_private_redirects: bool,
}

pub struct Client {
    registry: Registry,
    pub(super) base: Url,
    pub(super) http: HttpClients,
    pub(super) auth: Arc<Authorizer>,
    /// Hosts this registry redirects to that want tokens of their own (quirk 34).
    pub(super) redirect_hosts: Mutex<HashMap<url::Origin, Elsewhere>>,
    pub(super) redirect_policy: RedirectPolicy,
    /// Requests go through a proxy, whose address says nothing about the registry's.
    pub(super) proxied: bool,
    limiter: RegistryLimiter,
    timeouts: Timeouts,
    pub(super) learned: Learned,
    /// Set once the registry answered at `/v2/`.
    pub(super) reached: SingleFlight<(), Error>,
}

/// Another host that requests are led to.
#[derive(Clone)]
pub(super) struct Elsewhere {
    pub auth: Arc<Authorizer>,
    pub breaker: CircuitBreaker,
}

/// Registries redirect to storage, storage rarely on to another place.
const MOST_REDIRECTS: usize = 5;
impl Client {
    /// A client for `registry`; nothing is sent yet.
    pub fn new(registry: Registry, settings: Settings) -> Result<Self, Error> {
        Self::with_resolver(registry, settings, Arc::new(SystemResolver))
    }

    fn with_resolver(
        registry: Registry,
        settings: Settings,
        resolver: Arc<dyn Resolve>,
    ) -> Result<Self, Error> {
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
        let boundary = RedirectPolicy::new(base.clone(), settings.allow_private_redirects);
        let proxied = proxy.is_used_for(&base);
        let place = (base.clone(), proxy);
        let http = HttpClients::new(&registry, &settings.tls, place, &boundary, resolver);
        let http = http.map_err(fail)?;
        Ok(Self {
            auth: Arc::new(Authorizer::of_registry(
                http.clone(),
                base.clone(),
                settings.credentials,
            )),
            redirect_hosts: Mutex::default(),
            redirect_policy: boundary,
            proxied,
            base,
            http,
            limiter: RegistryLimiter::new(settings.limits),
            timeouts: settings.timeouts,
            learned: Learned::default(),
            reached: SingleFlight::default(),
            registry,
        })
    }

    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    #[must_use]
    pub fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    #[must_use]
    pub fn limiter(&self) -> &RegistryLimiter {
        &self.limiter
    }

    /// How this registry is used now.
    #[must_use]
    pub fn status(&self) -> RegistryStatus {
        (self.limiter).status(self.registry.clone(), self.upload_mode())
    }

    /// Sends `call`; any status below 400 is a success. What is read is followed where it is redirected
    /// to; storage never sees the registry's credentials.
    pub(super) async fn send(&self, mut call: Request) -> Result<Response, Error> {
        let body = std::mem::replace(&mut call.body, RequestBody::Empty);
        if !matches!(call.method, Method::GET | Method::HEAD) {
            return self.send_authorized(&call, body).await;
        }
        for _ in 0..=MOST_REDIRECTS {
            let response = self.send_authorized(&call, RequestBody::Empty).await?;
            if !response.status().is_redirection() {
                return Ok(response);
            }
            let location = response.headers().get(LOCATION);
            call.url = self.resolve(call.operation, &call.url, location)?;
        }
        let circles = ErrorCause::Redirect("it redirects in circles".into());
        Err(self.error(call.operation, Some(&call.url), circles))
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
        let astray =
            |text: &str| self.error(operation, Some(asked), ErrorCause::Redirect(text.into()));
        let text = location
            .ok_or_else(|| astray("there is no Location"))?
            .to_str()
            .map_err(|_| astray("the Location is not text"))?;
        self.redirect_policy
            .resolve(asked, text)
            .map_err(|why| astray(&format!("the Location {why}")))
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

    /// The whole body, if `keep` admits it: it is told the length so far, before more bytes are kept.
    pub(super) async fn read_body_while(
        &self,
        operation: Operation,
        url: &Url,
        mut response: Response,
        mut keep: impl FnMut(usize) -> Result<(), ErrorCause>,
    ) -> Result<Bytes, Error> {
        let fail = |cause| self.error(operation, Some(url), cause);
        let (mut body, mut flow) = (Vec::new(), MinThroughput::default());
        loop {
            let asked = Instant::now();
            let chunk = tokio::time::timeout(self.timeouts.byte, response.chunk())
                .await
                .map_err(|_| fail(ErrorCause::Stalled(self.timeouts.byte)))?
                .map_err(|error| fail(network(error)))?;
            let bytes = chunk.as_ref().map_or(0, Bytes::len) as u64;
            flow.moved(bytes, asked.elapsed(), &self.timeouts)
                .map_err(fail)?;
            match chunk {
                Some(chunk) => {
                    keep(body.len() + chunk.len()).map_err(fail)?;
                    body.extend_from_slice(&chunk);
                }
                None => {
                    // It may be kept for as long as its image.
                    body.shrink_to_fit();
                    return Ok(body.into());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        iter,
        net::Ipv4Addr,
        sync::atomic::{AtomicUsize, Ordering::SeqCst},
    };

    use axum::{
        Router,
        body::Body,
        http::{HeaderMap, Uri},
    };
    use reqwest::dns::{Addrs, Name, Resolving};
    use tokio::net::TcpListener;
    use tokio_util::task::AbortOnDropHandle;

    use super::*;
    use crate::{oci::Digest, registry::FailureClass};

    fn client(registry: &str, plain_http: Option<bool>) -> Client {
        let settings = Settings {
            plain_http,
            ..Settings::default()
        };
        Client::new(registry.parse().unwrap(), settings).unwrap()
    }

    /// Resolves every name to this machine.
    struct Loopback;

    impl Resolve for Loopback {
        fn resolve(&self, _: Name) -> Resolving {
            let here: Addrs = Box::new(iter::once((Ipv4Addr::LOCALHOST, 0).into()));
            Box::pin(async move { Ok(here) })
        }
    }

    /// What reading a blob of a public registry comes to that redirects to a name that is inside, and what the
    /// server behind that name was asked.
    async fn read_redirected(allow_private_redirects: bool) -> (Result<(), Error>, usize) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let answer = move |uri: Uri, headers: HeaderMap| async move {
            let here = headers["host"].to_str().unwrap().starts_with("storage.");
            counted.fetch_add(usize::from(here), SeqCst);
            let redirects = !here && uri.path() != "/v2/";
            let location = format!("http://storage.example:{port}/blob");
            let answer = axum::http::Response::builder().status(if redirects { 307 } else { 200 });
            answer
                .header(LOCATION, location)
                .body(Body::empty())
                .unwrap()
        };
        let serving = axum::serve(listener, Router::new().fallback(answer));
        let _serving = AbortOnDropHandle::new(tokio::spawn(serving.into_future()));
        let settings = Settings {
            plain_http: Some(true),
            proxy: Proxy::None,
            allow_private_redirects,
            ..Settings::default()
        };
        let registry = format!("r.example:{port}").parse().unwrap();
        let client = Client::with_resolver(registry, settings, Arc::new(Loopback)).unwrap();
        let client = Arc::new(Client {
            // Nothing is learned from the address that answers, which is this machine's.
            proxied: true,
            ..client
        });
        let (repository, digest) = ("a".parse().unwrap(), Digest::of(b""));
        let read = client.read_blob(&repository, &digest, 0).await;
        (read.map(drop), asked.load(SeqCst))
    }

    #[tokio::test]
    async fn quirk_35_a_name_that_resolves_inside_is_not_followed_from_a_public_registry() {
        let (read, asked) = read_redirected(false).await;
        let error = read.unwrap_err();
        assert_eq!(error.class(), FailureClass::Rejected);
        let told = error.to_string();
        assert!(
            told.contains("storage.example, which is at 127.0.0.1 inside this network")
                && told.contains("allow-private-redirects = true"),
            "{told}"
        );
        assert_eq!(asked, 0);
        let (read, asked) = read_redirected(true).await;
        assert!(read.is_ok(), "{read:?}");
        assert_eq!(asked, 1);
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
