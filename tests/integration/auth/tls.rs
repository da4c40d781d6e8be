//! Certificates: private authorities, client certificates, and the advice for invalid ones.

use std::{
    net::Ipv4Addr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair,
};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;
use transship::{
    oci::Registry,
    registry::{Client, Error, FailureClass, Settings, TlsSettings},
};

use super::stub::{Stub, answer};

/// Two authorities with one name would count as one authority with two keys.
static NUMBER: AtomicUsize = AtomicUsize::new(0);

/// A private certificate authority, and a directory for its certificates.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: TempDir,
}

impl Authority {
    pub fn new() -> Self {
        let mut made = CertificateParams::new([]).unwrap();
        let name = NUMBER.fetch_add(1, Relaxed).to_string();
        made.distinguished_name.push(DnType::CommonName, name);
        made.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(made, KeyPair::generate().unwrap()).unwrap();
        Self {
            issuer,
            directory: tempfile::tempdir().unwrap(),
        }
    }

    /// The file of its own certificate.
    pub fn file(&self) -> PathBuf {
        self.write("ca.crt", &self.issuer.pem())
    }

    /// The files of a certificate for `name` and its key.
    pub fn sign(&self, name: &str) -> (PathBuf, PathBuf) {
        let (certificate, key) = self.signed(name);
        let certificate = self.write(&format!("{name}.cert"), &certificate.pem());
        (
            certificate,
            self.write(&format!("{name}.key"), &key.serialize_pem()),
        )
    }

    fn signed(&self, name: &str) -> (Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// A TLS server at a loopback address with one answer for all requests.
struct Secure {
    registry: Registry,
    _serving: AbortOnDropHandle<()>,
}

impl Secure {
    async fn start(authority: &Authority, name: &str) -> Self {
        Self::with(authority, name, None, OK.into()).await
    }

    /// Only for clients with a certificate of `clients`.
    async fn with(
        authority: &Authority,
        name: &str,
        clients: Option<&Authority>,
        answer: String,
    ) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(clients) => {
                let mut roots = RootCertStore::empty();
                roots.add(clients.issuer.der().clone()).unwrap();
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let (certificate, key) = authority.signed(name);
        let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
        let config = builder.with_single_cert(vec![certificate.der().clone()], key);
        let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));

        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let registry = listener.local_addr().unwrap().to_string().parse().unwrap();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let _ = stream.read(&mut [0; 4096]).await;
                    let _ = stream.write_all(answer.as_bytes()).await;
                    let _ = stream.shutdown().await;
                }
            }
        });
        Self {
            registry,
            _serving: AbortOnDropHandle::new(serving),
        }
    }

    async fn reach(&self, tls: TlsSettings) -> Result<(), Error> {
        let settings = Settings {
            plain_http: Some(false),
            tls,
            ..Settings::default()
        };
        Client::new(self.registry.clone(), settings)?.reach().await
    }

    /// The text of a configuration error.
    async fn advice(&self, tls: TlsSettings) -> String {
        let error = self.reach(tls).await.unwrap_err();
        assert_eq!(error.class(), FailureClass::Internal, "{error}");
        error.to_string()
    }
}

fn trusting(authority: &Authority) -> TlsSettings {
    TlsSettings {
        ca_files: vec![authority.file()],
        ..TlsSettings::default()
    }
}

#[tokio::test]
async fn a_private_authority_is_trusted_by_file_or_directory_and_only_then() {
    let authority = Authority::new();
    let secure = Secure::start(&authority, "127.0.0.1").await;
    let said = secure.advice(TlsSettings::default()).await;
    assert!(said.contains("ca-file"), "{said}");
    let said = secure.advice(trusting(&Authority::new())).await;
    assert!(said.contains("ca-file"), "{said}");

    secure.reach(trusting(&authority)).await.unwrap();
    let directory = authority.file().parent().unwrap().to_owned();
    let directory = TlsSettings {
        ca_directories: vec![directory],
        ..TlsSettings::default()
    };
    secure.reach(directory).await.unwrap();
}

#[tokio::test]
async fn the_certificates_of_docker_are_trusted_for_their_registry_only() {
    let authority = Authority::new();
    let clients = Authority::new();
    let secure = Secure::with(&authority, "127.0.0.1", Some(&clients), OK.into()).await;
    let root = tempfile::tempdir().unwrap();
    let tls = TlsSettings {
        certs_d: vec![root.path().to_owned()],
        ..TlsSettings::default()
    };
    let put = |registry: &str| {
        let directory = root.path().join(registry);
        std::fs::create_dir(&directory).unwrap();
        let (certificate, key) = clients.sign("operator");
        for (from, name) in [
            (authority.file(), "ca.crt"),
            (certificate, "client.cert"),
            (key, "client.key"),
        ] {
            std::fs::copy(from, directory.join(name)).unwrap();
        }
    };
    put("other.example:5000");
    assert!(secure.reach(tls.clone()).await.is_err());
    put(secure.registry.as_str());
    secure.reach(tls).await.unwrap();
}

#[tokio::test]
async fn a_client_certificate_is_accepted_and_a_missing_one_explained() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let secure = Secure::with(&authority, "127.0.0.1", Some(&clients), OK.into()).await;
    let said = secure.advice(trusting(&authority)).await;
    assert!(said.contains("client-certificate"), "{said}");
    let with = |clients: &Authority| TlsSettings {
        client_certificate: Some(clients.sign("operator")),
        ..trusting(&authority)
    };
    let said = secure.advice(with(&Authority::new())).await;
    assert!(said.contains("client-certificate"), "{said}");
    secure.reach(with(&clients)).await.unwrap();
}

#[tokio::test]
async fn a_certificate_for_another_name_says_for_which() {
    let authority = Authority::new();
    let secure = Secure::start(&authority, "harbor.example").await;
    let said = secure.advice(trusting(&authority)).await;
    assert!(said.contains("harbor.example"), "{said}");
}

#[tokio::test]
async fn certificates_are_unverified_only_if_configured() {
    let secure = Secure::start(&Authority::new(), "harbor.example").await;
    let unverified = TlsSettings {
        verify: false,
        ..TlsSettings::default()
    };
    secure.reach(unverified).await.unwrap();
}

#[tokio::test]
async fn a_registry_that_speaks_plain_http_says_which_key_to_set() {
    let plain = Stub::start(|_| answer(200, &[], "")).await;
    let settings = Settings {
        plain_http: Some(false),
        ..Settings::default()
    };
    let client = Client::new(plain.address.to_string().parse().unwrap(), settings).unwrap();
    let error = client.reach().await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Internal);
    assert!(error.to_string().contains("plain-http = true"), "{error}");
}

#[tokio::test]
async fn a_registry_that_answers_plain_http_with_a_tls_alert_says_which_key_to_set() {
    let secure = Secure::start(&Authority::new(), "127.0.0.1").await;
    let client = Client::new(secure.registry.clone(), Settings::default()).unwrap();
    let error = client.reach().await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Internal);
    assert!(error.to_string().contains("plain-http = false"), "{error}");
}

#[tokio::test]
async fn the_password_of_an_https_registry_is_not_sent_to_an_http_realm() {
    let authority = Authority::new();
    let realm = Stub::start(|_| answer(200, &[], r#"{"token":"t"}"#)).await;
    let challenge = format!(
        "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Bearer realm=\"http://localhost:{}/token\"\r\n\
         content-length: 0\r\nconnection: close\r\n\r\n",
        realm.address.port()
    );
    let secure = Secure::with(&authority, "127.0.0.1", None, challenge).await;
    let settings = Settings {
        plain_http: Some(false),
        tls: trusting(&authority),
        credentials: super::operator(),
        ..Settings::default()
    };
    let client = Client::new(secure.registry.clone(), settings).unwrap();
    let error = client.check_credentials().await.unwrap_err();
    assert!(error.to_string().contains("token realm is http"), "{error}");
    assert!(realm.asked().is_empty());
}
