//! The two registries, and how they break.
//!
//! Invariant: a registry that was started again has the address and the content it had before, and the verifier
//! sees the content without faults and without credentials.

use std::{net::SocketAddr, time::Duration};

use tempfile::TempDir;
use transship::serve::{ActiveFault, Auth, Credentials, Fault, Options, Server, Store, TokenAuth};

use crate::{cutting_proxy::CuttingProxy, docker_registry::DockerRegistry};

const USER: &str = "operator";
pub const PASSWORD: &str = "open sesame";
/// The name of an environment variable.
pub const PASSWORD_IN: &str = "BREAKER_PASSWORD";
/// So often is a free address tried again, which another program may have for a moment.
const BINDS: usize = 100;

/// The embedded registry in a directory, now and then without a server.
pub struct Embedded {
    directory: TempDir,
    address: SocketAddr,
    server: Option<Server>,
    with_tokens: bool,
}

pub type Source = Embedded;

pub enum Destination {
    Embedded(Embedded),
    /// What it cannot be told to do wrong is done on the way to it.
    Real(DockerRegistry, CuttingProxy),
}

/// What an audit reads from.
pub struct VerifierRegistry {
    pub address: String,
    _server: Option<Server>,
}

impl Embedded {
    pub async fn start(with_tokens: bool) -> Self {
        let mut embedded = Self {
            directory: tempfile::tempdir().unwrap(),
            address: ([127, 0, 0, 1], 0).into(),
            server: None,
            with_tokens,
        };
        embedded.mend().await;
        embedded
    }

    pub fn store(&self) -> Store {
        Store::open(self.directory.path()).unwrap()
    }

    pub fn address(&self) -> String {
        self.address.to_string()
    }

    pub fn credentials(&self) -> String {
        if self.with_tokens {
            format!("username = \"{USER}\"\npassword-env = \"{PASSWORD_IN}\"\n")
        } else {
            String::new()
        }
    }

    /// Ends it in the middle of whatever it does.
    pub fn kill(&mut self) {
        self.server = None;
    }

    /// A fault of a random script may find nothing to hit.
    pub fn fault(&self, fault: Fault) -> Option<ActiveFault> {
        let server = self.server.as_ref()?;
        Some(server.faults().add_optional(fault))
    }

    /// Whether there were any to expire.
    pub fn expire_tokens(&self) -> bool {
        if let Some(server) = &self.server {
            server.expire_tokens();
        }
        self.with_tokens
    }

    /// Starts it again if it is gone, and ends all faults.
    pub async fn mend(&mut self) {
        if let Some(server) = &self.server {
            server.faults().clear();
            return;
        }
        let auth = if self.with_tokens {
            Auth::Token(TokenAuth {
                credentials: Credentials::new(USER, PASSWORD),
                lifetime: Duration::from_secs(60),
                anonymous_pull: false,
            })
        } else {
            Auth::default()
        };
        let options = || Options {
            auth: auth.clone(),
            ..Options::new(self.directory.path())
        };
        let mut bound = Server::bind(self.address, options()).await;
        for _ in 0..BINDS {
            if bound.is_err() {
                tokio::task::yield_now().await;
                bound = Server::bind(self.address, options()).await;
            }
        }
        let server = bound.unwrap();
        self.address = server.address();
        self.server = Some(server);
    }

    pub async fn verifier(&self) -> VerifierRegistry {
        let options = Options::new(self.directory.path());
        let server = Server::bind(([127, 0, 0, 1], 0).into(), options)
            .await
            .unwrap();
        VerifierRegistry {
            address: server.address().to_string(),
            _server: Some(server),
        }
    }
}

impl Destination {
    /// The embedded registry, the embedded one with tokens, or a real one where it is installed.
    pub async fn start(kind: u8) -> Self {
        match kind {
            0 => Self::Embedded(Embedded::start(false).await),
            1 => Self::Embedded(Embedded::start(true).await),
            _ => match DockerRegistry::start().await {
                Some(real) => {
                    let proxy = CuttingProxy::before(real.address().to_owned()).await;
                    Self::Real(real, proxy)
                }
                None => Self::Embedded(Embedded::start(false).await),
            },
        }
    }

    pub fn address(&self) -> String {
        match self {
            Self::Embedded(embedded) => embedded.address(),
            Self::Real(_, proxy) => proxy.address().to_owned(),
        }
    }

    pub fn credentials(&self) -> String {
        match self {
            Self::Embedded(embedded) => embedded.credentials(),
            Self::Real(..) => String::new(),
        }
    }

    pub async fn kill(&mut self) {
        match self {
            Self::Embedded(embedded) => embedded.kill(),
            Self::Real(real, _) => real.kill().await,
        }
    }

    pub fn fault(&self, fault: Fault) -> Option<ActiveFault> {
        match self {
            Self::Embedded(embedded) => embedded.fault(fault),
            Self::Real(..) => None,
        }
    }

    /// The way to a registry that is real; faults are for the others.
    pub fn way(&self) -> Option<&CuttingProxy> {
        match self {
            Self::Embedded(_) => None,
            Self::Real(_, proxy) => Some(proxy),
        }
    }

    /// Whether there were any to expire.
    pub fn expire_tokens(&self) -> bool {
        match self {
            Self::Embedded(embedded) => embedded.expire_tokens(),
            Self::Real(..) => false,
        }
    }

    pub async fn mend(&mut self) {
        match self {
            Self::Embedded(embedded) => embedded.mend().await,
            Self::Real(real, proxy) => {
                proxy.cut(None);
                proxy.silence(None);
                real.mend().await;
            }
        }
    }

    pub async fn verifier(&self) -> VerifierRegistry {
        match self {
            Self::Embedded(embedded) => embedded.verifier().await,
            Self::Real(real, _) => VerifierRegistry {
                address: real.address().to_owned(),
                _server: None,
            },
        }
    }
}
