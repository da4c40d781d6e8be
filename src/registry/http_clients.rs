//! The two connection pools of one registry: for its own host, and for the hosts it redirects to.
//!
//! Decides which of them sends a request, and how connections are made. Invariants: a host that the operator did not
//! name is connected to only at addresses that the redirect policy allows; a proxy resolves names itself, so requests
//! through one are not checked here. No timeout bounds a body: a healthy upload may take hours, and whoever moves the
//! bytes watches for stalls.

use std::{sync::Arc, time::Duration};

use reqwest::dns::Resolve;
use rustls::ClientConfig;
use url::Url;

use super::{
    Proxy, TlsSettings,
    error::ErrorCause,
    private_network::GuardedResolver,
    redirect_policy::RedirectPolicy,
    tls::{PresentedCertificates, client_config},
};
use crate::oci::Registry;

#[derive(Clone)]
pub(super) struct HttpClients {
    base: Url,
    proxy: Proxy,
    own: reqwest::Client,
    redirected: reqwest::Client,
    presented: Arc<PresentedCertificates>,
}

impl HttpClients {
    pub(super) fn new(
        registry: &Registry,
        tls: &TlsSettings,
        (base, proxy): (Url, Proxy),
        policy: &RedirectPolicy,
        resolver: Arc<dyn Resolve>,
    ) -> Result<Self, ErrorCause> {
        let (config, presented) = client_config(registry, tls)?;
        let guarded = GuardedResolver {
            resolver: Arc::clone(&resolver),
            private_allowed: Arc::new(policy.private_allowed()),
        };
        Ok(Self {
            own: http_client(config.clone(), &proxy, resolver)?,
            redirected: http_client(config, &proxy, Arc::new(guarded))?,
            base,
            proxy,
            presented,
        })
    }

    /// Those of the registry itself.
    pub(super) fn presented_certificates(&self) -> &PresentedCertificates {
        &self.presented
    }

    /// The registry's `/v2/`.
    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    pub(super) fn is_proxied(&self) -> bool {
        self.proxy.is_used_for(&self.base)
    }

    /// The client that may send a request to `url`.
    pub(super) fn to(&self, url: &Url) -> &reqwest::Client {
        match url.host() == self.base.host() || self.proxy.is_used_for(url) {
            true => &self.own,
            false => &self.redirected,
        }
    }
}

/// A pool of HTTP/1.1 connections: one HTTP/2 connection would be one congestion window for all blobs.
pub(super) fn http_client(
    config: ClientConfig,
    proxy: &Proxy,
    resolver: Arc<dyn Resolve>,
) -> Result<reqwest::Client, ErrorCause> {
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        .dns_resolver(resolver)
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(20))
        .pool_idle_timeout(Duration::from_secs(55))
        .pool_max_idle_per_host(64)
        .tcp_nodelay(true)
        .tcp_keepalive(Duration::from_secs(30))
        .referer(false)
        .user_agent(concat!("transship/", env!("CARGO_PKG_VERSION")));
    proxy
        .apply(builder)?
        .build()
        .map_err(|error| ErrorCause::Configuration(error.to_string()))
}
