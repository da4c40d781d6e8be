//! The HTTP connection pool of one registry: TLS trust, client certificate, timeouts.
//!
//! Invariant: certificate checks are off only where the operator wrote so, and no timeout here bounds a
//! body: a healthy upload may take hours, stalls are watched by who moves the bytes.

use std::{path::PathBuf, sync::Arc, time::Duration};

use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, WebPkiSupportedAlgorithms},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};

use super::error::ErrorCause;

/// How one registry's TLS differs from the system's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// Further authorities to trust, PEM.
    pub ca_files: Vec<PathBuf>,
    /// Client certificate chain and key, PEM.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
    /// Off means any certificate is accepted.
    pub verify: bool,
}

impl Default for TlsSettings {
    fn default() -> Self {
        Self {
            ca_files: Vec::new(),
            client_certificate: None,
            verify: true,
        }
    }
}

/// A client for HTTP/1.1: one HTTP/2 connection would be one congestion window for all blobs.
pub(super) fn http_client(
    tls: &TlsSettings,
    proxy: Option<&str>,
    through_proxy: bool,
) -> Result<reqwest::Client, ErrorCause> {
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(config(tls)?)
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(20))
        .pool_idle_timeout(Duration::from_secs(55))
        .pool_max_idle_per_host(64)
        .tcp_nodelay(true)
        .tcp_keepalive(Duration::from_secs(30))
        .referer(false)
        .user_agent(concat!("transship/", env!("CARGO_PKG_VERSION")));
    if let Some(proxy) = proxy {
        let proxy = reqwest::Proxy::all(proxy)
            .map_err(|_| ErrorCause::Configuration("the proxy URL cannot be read".into()))?;
        builder = builder.proxy(proxy);
    } else if !through_proxy {
        builder = builder.no_proxy();
    }
    builder
        .build()
        .map_err(|error| ErrorCause::Configuration(error.to_string()))
}

fn config(settings: &TlsSettings) -> Result<ClientConfig, ErrorCause> {
    let configuration =
        |error: &dyn std::fmt::Display| ErrorCause::Configuration(error.to_string());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| configuration(&error))?;
    let builder = if settings.verify {
        builder.with_root_certificates(roots(settings)?)
    } else {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Unverified(provider)))
    };
    match &settings.client_certificate {
        None => Ok(builder.with_no_client_auth()),
        Some((certificate, key)) => {
            let chain = certificates(certificate)?;
            let key = PrivateKeyDer::from_pem_file(key)
                .map_err(|error| configuration(&format!("{}: {error}", key.display())))?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| configuration(&error))
        }
    }
}

/// The system's roots and the extra ones. A system without roots is no error by itself: the registry may
/// be signed by an extra one, and if not the handshake says so.
fn roots(settings: &TlsSettings) -> Result<RootCertStore, ErrorCause> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for file in &settings.ca_files {
        roots.add_parsable_certificates(certificates(file)?);
    }
    Ok(roots)
}

fn certificates(file: &std::path::Path) -> Result<Vec<CertificateDer<'static>>, ErrorCause> {
    CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|error| ErrorCause::Configuration(format!("{}: {error}", file.display())))
}

/// Accepts every certificate; signatures are still checked, so the handshake itself stays sound.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl Unverified {
    fn algorithms(&self) -> &WebPkiSupportedAlgorithms {
        &self.0.signature_verification_algorithms
    }
}

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signature, self.algorithms())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, self.algorithms())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms().supported_schemes()
    }
}
