//! Debian's `docker-registry` behind TLS of a private authority and with htpasswd.

use std::path::Path;

use tempfile::TempDir;
use tokio::process::Command;
use transship::{
    credentials::{CredentialResolver, Key, Places, Source, login},
    oci::{Digest, Registry},
    registry::{BlobPresence, Client, Credentials, FailureClass, Settings, TlsSettings},
};

use super::{PASSWORD, USER, repository, tls::Authority};
use crate::{docker_registry::DockerRegistry, installed};

pub struct Secured {
    pub registry: Registry,
    pub authority: Authority,
    directory: TempDir,
    _running: DockerRegistry,
}

impl Secured {
    pub async fn start() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let (certificate, key) = authority.sign("127.0.0.1");
        let users = directory.path().join("htpasswd");
        let hash = bcrypt::hash(PASSWORD, 4).unwrap();
        std::fs::write(&users, format!("{USER}:{hash}\n")).unwrap();
        let running = DockerRegistry::with([
            ("REGISTRY_HTTP_TLS_CERTIFICATE", certificate),
            ("REGISTRY_HTTP_TLS_KEY", key),
            ("REGISTRY_AUTH", "htpasswd".into()),
            ("REGISTRY_AUTH_HTPASSWD_REALM", "registry".into()),
            ("REGISTRY_AUTH_HTPASSWD_PATH", users),
        ])
        .await?;
        Some(Self {
            registry: running.address().parse().unwrap(),
            authority,
            directory,
            _running: running,
        })
    }

    fn client(&self, tls: TlsSettings, config: &Path) -> Client {
        let source = Source::Stored(Places::only(config.to_owned()));
        let keychain = CredentialResolver::new(self.registry.clone(), source);
        let settings = Settings {
            plain_http: Some(false),
            tls,
            credentials: Credentials::Provided(std::sync::Arc::new(keychain)),
            ..Settings::default()
        };
        Client::new(self.registry.clone(), settings).unwrap()
    }
}

#[tokio::test]
async fn a_registry_with_tls_and_htpasswd_accepts_pushes_after_login() {
    let Some(secured) = Secured::start().await else {
        return;
    };
    let config = secured.directory.path().join("config.json");
    let stranger = secured.client(TlsSettings::default(), &config);
    let error = stranger.reach().await.unwrap_err();
    assert!(error.to_string().contains("ca-file"), "{error}");

    let trusting = TlsSettings {
        ca_files: vec![secured.authority.file()],
        ..TlsSettings::default()
    };
    let client = secured.client(trusting.clone(), &config);
    let error = client.check_credentials().await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Auth);
    assert!(
        error.to_string().contains("none are configured or stored"),
        "{error}"
    );

    // The refused client looks the credentials up again: the operator has logged in since.
    let key = Key::from(secured.registry.clone());
    login(&key, USER, &PASSWORD.into(), &config).await.unwrap();
    client.check_credentials().await.unwrap();

    let (repository, content) = (repository("team/app"), b"a layer");
    let digest = Digest::of(content);
    let session = client.begin_upload(&repository).await.unwrap();
    let size = content.len() as u64;
    let body = reqwest::Body::from(&content[..]);
    client
        .send_blob(&session, &digest, 0, size, body)
        .await
        .unwrap();
    let found = client.blob_presence(&repository, &digest, size).await;
    assert_eq!(found.unwrap(), BlobPresence::Present);
}

#[tokio::test]
async fn plain_http_to_a_registry_with_tls_says_which_key_to_set() {
    let Some(secured) = Secured::start().await else {
        return;
    };
    let client = Client::new(secured.registry.clone(), Settings::default()).unwrap();
    let error = client.reach().await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Internal);
    assert!(error.to_string().contains("plain-http = false"), "{error}");
}

#[tokio::test]
async fn skopeo_reads_what_login_wrote() {
    let (Some(skopeo), Some(secured)) = (installed::program("skopeo"), Secured::start().await)
    else {
        return;
    };
    let config = secured.directory.path().join("auth.json");
    let key = Key::from(secured.registry.clone());
    login(&key, USER, &PASSWORD.into(), &config).await.unwrap();
    let certificates = secured.authority.file().parent().unwrap().to_owned();
    let output = Command::new(skopeo)
        .args(["list-tags", "--authfile"])
        .arg(&config)
        .arg("--cert-dir")
        .arg(tls_directory(&certificates))
        .arg(format!("docker://{}/absent", secured.registry))
        .output()
        .await
        .unwrap();
    // TLS and authorization succeeded; the repository does not exist.
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("404"), "{said}");
}

/// Only the authority: skopeo would use a server's certificate in the same directory as a client's.
fn tls_directory(certificates: &Path) -> std::path::PathBuf {
    let alone = certificates.join("alone");
    std::fs::create_dir(&alone).unwrap();
    std::fs::copy(certificates.join("ca.crt"), alone.join("ca.crt")).unwrap();
    alone
}
