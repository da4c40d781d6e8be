//! The two connection pools of one registry: for its own host, and for the hosts it leads to.
//!
//! Decides which of them sends a request. Invariant: a host that was not named by the operator is connected to
//! only at addresses the registry may lead to. A proxy resolves names itself, so behind one there is nothing to
//! check here.

use std::sync::Arc;

use reqwest::dns::Resolve;
use url::Url;

use super::{
    Proxy, TlsSettings,
    error::ErrorCause,
    private_network::GuardedResolver,
    redirect_policy::RedirectPolicy,
    tls::{config, http_client},
};
use crate::oci::Registry;

#[derive(Clone)]
pub(super) struct HttpClients {
    base: Url,
    proxy: Proxy,
    own: reqwest::Client,
    led: reqwest::Client,
}

impl HttpClients {
    pub(super) fn new(
        registry: &Registry,
        tls: &TlsSettings,
        (base, proxy): (Url, Proxy),
        boundary: &RedirectPolicy,
        resolver: Arc<dyn Resolve>,
    ) -> Result<Self, ErrorCause> {
        let config = config(registry, tls)?;
        let guarded = GuardedResolver {
            resolver: Arc::clone(&resolver),
            inside_allowed: Arc::new(boundary.inside_allowed()),
        };
        Ok(Self {
            own: http_client(config.clone(), &proxy, resolver)?,
            led: http_client(config, &proxy, Arc::new(guarded))?,
            base,
            proxy,
        })
    }

    /// The client that may send a request to `url`.
    pub(super) fn to(&self, url: &Url) -> &reqwest::Client {
        match url.host() == self.base.host() || self.proxy.is_used_for(url) {
            true => &self.own,
            false => &self.led,
        }
    }
}
