//! The `rustls` configuration of one registry: which certificates to accept and which one to present.
//!
//! Invariant: certificates go unchecked only where the operator set `verify = false`.

use std::sync::Arc;

use rustls::ClientConfig;

use super::{certificates, settings::TlsSettings, trust};
use crate::{oci::Registry, registry::error::ErrorCause};

/// The configuration for a registry and the hosts it redirects to.
pub(in crate::registry) fn client_config(
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
