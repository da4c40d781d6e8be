//! The `rustls` configuration of one registry: which certificates to accept and which one to present.
//!
//! Invariant: certificates go unchecked only where the operator set `verify = false`.

use std::sync::Arc;

use rustls::ClientConfig;

use super::{certificates, presented::PresentedCertificates, settings::TlsSettings, trust};
use crate::{oci::Registry, registry::error::ErrorCause};

/// The configuration for a registry and the hosts it redirects to, and where the registry's certificates will be.
pub(in crate::registry) fn client_config(
    registry: &Registry,
    settings: &TlsSettings,
) -> Result<(ClientConfig, Arc<PresentedCertificates>), ErrorCause> {
    let configuration =
        |error: &dyn std::fmt::Display| ErrorCause::Configuration(error.to_string());
    let found = certificates::find(registry, settings)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let host = base_host(registry);
    let presented = Arc::new(PresentedCertificates::of(host));
    let seen = Arc::clone(&presented);
    let verifier = match settings.verify {
        true => trust::verified(Arc::clone(&provider), found.authorities, seen),
        false => trust::unverified(Arc::clone(&provider), seen),
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| configuration(&error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let config = match found.client {
        None => Ok(builder.with_no_client_auth()),
        Some((chain, key)) => builder
            .with_client_auth_cert(chain, key)
            .map_err(|error| configuration(&format!("the client certificate: {error}"))),
    };
    Ok((config?, presented))
}

/// The host that the handshake names.
fn base_host(registry: &Registry) -> &str {
    match registry.is_docker_hub() {
        true => registry.api_host(),
        false => registry.host(),
    }
}
