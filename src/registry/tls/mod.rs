//! The HTTP connection pool of one registry: TLS, proxy, timeouts.
//!
//! Invariant: certificate checks are off only where the operator wrote so, and no timeout here bounds a
//! body: a healthy upload may take hours, stalls are watched by who moves the bytes.

mod advice;
mod certificates;
mod trust;

use std::{path::PathBuf, sync::Arc, time::Duration};

use reqwest::dns::Resolve;
use rustls::ClientConfig;

use super::{Proxy, error::ErrorCause};
use crate::oci::Registry;

pub(super) use advice::{answered_plain, unreached};

/// How one registry's TLS differs from the system's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// Further authorities to trust, PEM.
    pub ca_files: Vec<PathBuf>,
    /// Directories of such files: `*.crt`, `*.pem`, `*.cer`.
    pub ca_directories: Vec<PathBuf>,
    /// Client certificate chain and key, PEM.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
    /// Off means any certificate is accepted.
    pub verify: bool,
    /// Directories laid out like docker's `certs.d`: below `HOST:PORT` authorities as `*.crt`, a client
    /// certificate as `*.cert` with its `*.key`.
    pub certs_d: Vec<PathBuf>,
}

impl Default for TlsSettings {
    /// Nothing but what docker and podman were told already.
    fn default() -> Self {
        Self {
            ca_files: Vec::new(),
            ca_directories: Vec::new(),
            client_certificate: None,
            verify: true,
            certs_d: certificates::usual_certs_d(|name| std::env::var_os(name)),
        }
    }
}

/// A client for HTTP/1.1: one HTTP/2 connection would be one congestion window for all blobs.
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

/// Whom to trust at one registry and where it leads, and who we are there.
pub(super) fn config(
    registry: &Registry,
    settings: &TlsSettings,
) -> Result<ClientConfig, ErrorCause> {
    let configuration =
        |error: &dyn std::fmt::Display| ErrorCause::Configuration(error.to_string());
    let found = certificates::find(registry, settings)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = match settings.verify {
        true => trust::verified(Arc::clone(&provider), found.authorities),
        false => trust::unverified(Arc::clone(&provider)),
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| configuration(&error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    match found.client {
        None => Ok(builder.with_no_client_auth()),
        Some((chain, key)) => builder
            .with_client_auth_cert(chain, key)
            .map_err(|error| configuration(&format!("the client certificate: {error}"))),
    }
}
