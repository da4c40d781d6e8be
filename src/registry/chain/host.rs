//! The hosts that requests of one registry go to: the registry, and hosts that it redirects to.
//!
//! Decides whose credentials and circuit breaker a URL has. Invariant: only the registry's own origin gets its
//! credentials.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use url::{Origin, Url};

use crate::registry::{
    auth::Authorizer, circuit_breaker::CircuitBreaker, http_clients::HttpClients,
};

#[derive(Clone)]
pub(super) struct Host {
    /// The registry itself. Its answers say how much load it takes; those of other hosts do not.
    pub is_registry: bool,
    pub authorizer: Arc<Authorizer>,
    pub breaker: CircuitBreaker,
}

pub(super) struct Hosts {
    base: Url,
    registry: Host,
    http: HttpClients,
    /// Some want tokens of their own (quirk 34, see registry/quirks.md).
    redirect_hosts: Mutex<HashMap<Origin, Host>>,
}

impl Hosts {
    pub(super) fn new(
        base: Url,
        authorizer: Authorizer,
        breaker: CircuitBreaker,
        http: HttpClients,
    ) -> Self {
        let registry = Host {
            is_registry: true,
            authorizer: Arc::new(authorizer),
            breaker,
        };
        Self {
            base,
            registry,
            http,
            redirect_hosts: Mutex::default(),
        }
    }

    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    pub(super) fn registry(&self) -> &Host {
        &self.registry
    }

    pub(super) fn is_registry(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    pub(super) fn of(&self, url: &Url) -> Host {
        if self.is_registry(url) {
            return self.registry.clone();
        }
        let mut hosts = self
            .redirect_hosts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let new = || Host {
            is_registry: false,
            authorizer: Arc::new(Authorizer::of_redirect_host(self.http.clone())),
            breaker: CircuitBreaker::failing_fast(),
        };
        hosts.entry(url.origin()).or_insert_with(new).clone()
    }
}
