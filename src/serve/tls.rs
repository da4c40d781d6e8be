//! The server's certificate and key.
//!
//! Decides nothing about authorization. Invariant: a certificate whose key does not fit fails at the start, not at the
//! first connection.

use std::{io, path::PathBuf, sync::Arc};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// TLS 1.2 and 1.3 with one certificate.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("read the certificate {}", path.display())]
    Certificate {
        path: PathBuf,
        #[source]
        error: pem::Error,
    },
    #[error("read the certificate {}: it has none in PEM", path.display())]
    NoCertificate { path: PathBuf },
    #[error("read the private key {}", path.display())]
    Key {
        path: PathBuf,
        #[source]
        error: pem::Error,
    },
    #[error("use the certificate {} with the key {}", certificate.display(), key.display())]
    Unusable {
        certificate: PathBuf,
        key: PathBuf,
        #[source]
        error: rustls::Error,
    },
}

impl Tls {
    /// Reads a certificate, followed by its intermediate ones, and its key. Both are PEM.
    pub fn read(
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Result<Self, TlsError> {
        let (certificate, key) = (certificate.into(), key.into());
        let chain = CertificateDer::pem_file_iter(&certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| TlsError::Certificate {
                path: certificate.clone(),
                error,
            })?;
        if chain.is_empty() {
            return Err(TlsError::NoCertificate { path: certificate });
        }
        let secret = PrivateKeyDer::from_pem_file(&key).map_err(|error| TlsError::Key {
            path: key.clone(),
            error,
        })?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map(ServerConfigBuilder::with_no_client_auth)
            .and_then(|builder| builder.with_single_cert(chain, secret));
        match config {
            Ok(mut config) => {
                config.alpn_protocols = vec![b"http/1.1".to_vec()];
                Ok(Self(TlsAcceptor::from(Arc::new(config))))
            }
            Err(error) => Err(TlsError::Unusable {
                certificate,
                key,
                error,
            }),
        }
    }

    pub(super) async fn accept<T>(&self, stream: T) -> io::Result<TlsStream<T>>
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        self.0.accept(stream).await
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

type ServerConfigBuilder = rustls::ConfigBuilder<ServerConfig, rustls::WantsVerifier>;
