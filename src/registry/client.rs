//! The client of one registry.
//!
//! Decides the URLs of resources and what the client is made of. The requests are in the files named after resources;
//! all of them go through [`Client::send`]. Invariant: nothing is sent before the first request.

use std::sync::Arc;

use reqwest::{Method, Response, dns::Resolve, header::HeaderValue};
use url::Url;

use super::{
    Credentials, LimitedStore, Limits, Operation, Proxy, RegistryLimiter, Timeouts, TlsSettings,
    UploadMode,
    auth::Scopes,
    chain::{Locations, Request, RequestChain},
    error::{Error, ErrorCause},
    http_clients::HttpClients,
    private_network::SystemResolver,
    redirect_policy::RedirectPolicy,
    upload_mode::LearnedMode,
};
use crate::{
    batch::{RegistryStatus, StoreUsage},
    oci::{Registry, Repository, Store},
};

/// How one registry is to be reached.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Unencrypted HTTP. By default only for loopback.
    pub plain_http: Option<bool>,
    pub tls: TlsSettings,
    pub credentials: Credentials,
    pub limits: Limits,
    pub proxy: Proxy,
    pub timeouts: Timeouts,
    /// Follow redirects of a public registry to private addresses, for storage inside this network.
    pub allow_private_redirects: bool,
}

pub struct Client {
    registry: Registry,
    store: Store,
    base: Url,
    chain: RequestChain,
    locations: Locations,
    limiter: Arc<RegistryLimiter>,
    timeouts: Timeouts,
    upload_mode: LearnedMode,
}

impl Client {
    /// A client for `registry`. Reads certificate files; sends nothing.
    ///
    /// # Errors
    /// If the settings cannot be used.
    pub fn new(registry: Registry, settings: Settings) -> Result<Self, Error> {
        Self::with_resolver(registry, settings, Arc::new(SystemResolver))
    }

    fn with_resolver(
        registry: Registry,
        settings: Settings,
        resolver: Arc<dyn Resolve>,
    ) -> Result<Self, Error> {
        let fail = |cause| Error::new(Operation::Ping, &registry, None, cause);
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
        let policy = RedirectPolicy::new(base.clone(), settings.allow_private_redirects);
        let policy = Arc::new(policy);
        let place = (base.clone(), proxy);
        let http = HttpClients::new(&registry, &settings.tls, place, &policy, resolver);
        let http = http.map_err(fail)?;
        let limiter = Arc::new(RegistryLimiter::new(settings.limits));
        let (credentials, timeouts) = (settings.credentials, settings.timeouts);
        let chain = RequestChain::new(&registry, credentials, http, &policy, &limiter, timeouts);
        Ok(Self {
            chain,
            locations: Locations::new(policy),
            base,
            limiter,
            timeouts,
            upload_mode: LearnedMode::default(),
            store: registry.clone().into(),
            registry,
        })
    }

    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The registry as a store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// For the queue of streams.
    #[must_use]
    pub fn limited(&self) -> LimitedStore<'_> {
        LimitedStore {
            store: &self.store,
            limiter: &self.limiter,
        }
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
        (self.limiter).status(self.store.clone(), self.upload_mode())
    }

    /// How this registry was used until now.
    #[must_use]
    pub fn usage(&self) -> StoreUsage {
        (self.limiter).usage(self.store.clone(), self.upload_mode())
    }

    /// How blobs are uploaded to this registry, as far as is known.
    #[must_use]
    pub fn upload_mode(&self) -> UploadMode {
        self.upload_mode.get()
    }

    /// Replaces `tried`, which does not work here, by `next`, unless another upload has learned something else
    /// meanwhile. Returns the mode that is valid now.
    pub fn learn_upload_mode(&self, tried: UploadMode, next: UploadMode) -> UploadMode {
        self.upload_mode.replace(tried, next)
    }

    /// Asks `/v2/` unless the registry answered there before.
    ///
    /// # Errors
    /// The registry cannot be reached, or not as configured.
    pub async fn reach(&self) -> Result<(), Error> {
        self.chain.reach().await
    }

    /// Asks `/v2/` with the credentials.
    ///
    /// # Errors
    /// The registry refuses them, or cannot be reached.
    pub async fn check_credentials(&self) -> Result<(), Error> {
        self.send(self.chain.ping()).await.map(drop)
    }

    /// For what a diagnosis asks.
    pub(super) fn chain(&self) -> &RequestChain {
        &self.chain
    }

    /// Asks a registry that was down whether it is back. The limiter takes in the answer.
    pub async fn probe(&self) {
        self.chain.probe().await;
    }

    /// Sends a request. Redirects of reading requests are followed.
    ///
    /// # Errors
    /// Any status from 400 on.
    pub(super) async fn send(&self, request: Request) -> Result<Response, Error> {
        self.chain.send(request).await
    }

    pub(super) fn request(
        &self,
        operation: Operation,
        method: Method,
        url: Url,
        scopes: Scopes,
    ) -> Request {
        Request::new(&self.registry, operation, method, url, scopes)
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

    /// Whether `url` is on the registry's own origin.
    pub(super) fn is_own(&self, url: &Url) -> bool {
        self.chain.is_own(url)
    }

    /// The `location` of the answer to `requested`, if it may be followed.
    pub(super) fn resolve(
        &self,
        operation: Operation,
        requested: &Url,
        location: Option<&HeaderValue>,
    ) -> Result<Url, Error> {
        let resolved = self.locations.resolve(requested, location);
        resolved.map_err(|cause| self.error(operation, Some(requested), cause))
    }

    pub(super) fn error(
        &self,
        operation: Operation,
        url: Option<&Url>,
        cause: ErrorCause,
    ) -> Error {
        Error::new(operation, &self.registry, url, cause)
    }

    pub(super) fn protocol(
        &self,
        operation: Operation,
        url: &Url,
        text: impl Into<String>,
    ) -> Error {
        self.error(operation, Some(url), ErrorCause::Protocol(text.into()))
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
    use reqwest::{
        dns::{Addrs, Name, Resolving},
        header::LOCATION,
    };
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

    /// Reads a blob of a public registry that redirects to a name with a private address. Returns the outcome, and how
    /// many requests the server behind that name got.
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
        let mut client = Client::with_resolver(registry, settings, Arc::new(Loopback)).unwrap();
        // Nothing is learned from the address of the peer, which is this machine's.
        client.chain.first_answer.proxied = true;
        let (repository, digest) = ("a".parse().unwrap(), Digest::of(b""));
        let read = client.read_blob(&repository, &digest, 0).await;
        (read.map(drop), asked.load(SeqCst))
    }

    #[tokio::test]
    async fn quirk_35_a_name_that_resolves_inside_is_not_followed_from_a_public_registry() {
        let (read, asked) = read_redirected(false).await;
        let error = read.unwrap_err();
        assert_eq!(error.class(), FailureClass::Rejected);
        let text = error.to_string();
        assert!(
            text.contains("storage.example, which has the private address 127.0.0.1")
                && text.contains("allow-private-redirects = true"),
            "{text}"
        );
        assert_eq!(asked, 0);
        let (read, asked) = read_redirected(true).await;
        assert!(read.is_ok(), "{read:?}");
        assert_eq!(asked, 1);
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
    fn only_the_registry_itself_sees_credentials() {
        let client = client("r.example", None);
        assert!(client.is_own(&"https://r.example:443/v2/x".parse().unwrap()));
        assert!(!client.is_own(&"https://s3.example/x".parse().unwrap()));
        assert!(!client.is_own(&"http://r.example/x".parse().unwrap()));
    }
}
