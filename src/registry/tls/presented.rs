//! The certificates that a registry presented in its last handshake, for a diagnosis.
//!
//! Decides which handshakes are the registry's own, and not those of a host it redirects to. Invariant: they are kept
//! whether they were accepted or not, and decide nothing.

use std::sync::{Mutex, PoisonError};

use rustls::pki_types::{CertificateDer, ServerName};

#[derive(Debug)]
pub(in crate::registry) struct PresentedCertificates {
    /// The host of the registry; `None` if it is no name that TLS knows.
    host: Option<ServerName<'static>>,
    chain: Mutex<Vec<CertificateDer<'static>>>,
}

impl PresentedCertificates {
    pub(super) fn of(host: &str) -> Self {
        Self {
            host: ServerName::try_from(host.to_owned()).ok(),
            chain: Mutex::default(),
        }
    }

    pub(super) fn record(
        &self,
        host: &ServerName<'_>,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
    ) {
        if self.host.as_ref() != Some(&host.to_owned()) {
            return;
        }
        let chain = std::iter::once(certificate).chain(intermediates);
        let chain = chain.map(|certificate| certificate.clone().into_owned());
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = chain.collect();
    }

    /// In DER, that of the server first; empty without a handshake.
    pub(in crate::registry) fn get(&self) -> Vec<CertificateDer<'static>> {
        (self.chain.lock().unwrap_or_else(PoisonError::into_inner)).clone()
    }
}
