//! Authorization and trust: tokens, stored credentials, certificates, proxies, redirects.

mod docker_registry;
mod home;
mod mounts;
mod passwords;
mod proxies;
mod real_registries;
mod redirects;
mod stored;
pub mod stub;
mod tls;

pub use tls::Authority;
mod token_server;
mod tokens;

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use secrecy::SecretString;
use tempfile::TempDir;
use transship::{
    oci::{MediaType, Repository, Tag, Version},
    registry::{Client, Credentials, Settings},
    serve::{self, AccessLog, Auth, Options, Server, TokenAuth},
};

const USER: &str = "operator";
const PASSWORD: &str = "hunter2:with+odd/characters";

/// The embedded registry with tokens for one user only.
struct Guarded {
    server: Server,
    _directory: TempDir,
}

impl Guarded {
    async fn with_tokens() -> Self {
        Self::with(Auth::Token(TokenAuth {
            credentials: serve::Credentials::new(USER, PASSWORD),
            lifetime: Duration::from_secs(300),
            anonymous_pull: false,
        }))
        .await
    }

    async fn with_passwords() -> Self {
        Self::with(Auth::Basic(serve::Credentials::new(USER, PASSWORD))).await
    }

    async fn open() -> Self {
        Self::with(Auth::Open).await
    }

    async fn with(auth: Auth) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut options = Options::new(directory.path().join("registry"));
        options.access_log = Some(AccessLog::default());
        options.auth = auth;
        let server = Server::bind((Ipv4Addr::LOCALHOST, 0).into(), options)
            .await
            .unwrap();
        Self {
            server,
            _directory: directory,
        }
    }

    fn name(&self) -> String {
        self.server.address().to_string()
    }

    fn client(&self, credentials: Credentials) -> Arc<Client> {
        let settings = Settings {
            credentials,
            ..Settings::default()
        };
        Arc::new(Client::new(self.name().parse().unwrap(), settings).unwrap())
    }

    /// A manifest without config or layers, tagged `v1`.
    fn put_image(&self, repository: &str) {
        let manifest = serde_json::json!({
            "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": [],
        });
        let manifest = manifest.to_string();
        self.server
            .store()
            .put_manifest(
                &repository.parse().unwrap(),
                Some(&"v1".parse().unwrap()),
                MediaType::OCI_INDEX,
                manifest.as_bytes(),
            )
            .unwrap();
    }

    /// The number of answered requests whose method and target start so.
    fn count(&self, method: &str, target: &str) -> usize {
        self.server
            .access_log()
            .count(|entry| entry.method.as_str() == method && entry.target.starts_with(target))
    }
}

fn operator() -> Credentials {
    Credentials::Basic {
        username: USER.into(),
        password: SecretString::from(PASSWORD),
    }
}

fn repository(name: &str) -> Repository {
    name.parse().unwrap()
}

fn v1() -> Version {
    let tag: Tag = "v1".parse().unwrap();
    Version::Tag(tag)
}
