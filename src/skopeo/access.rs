//! How the registries of one call are reached: login, TLS, certificates.
//!
//! Decides what skopeo gets to know of a registry, not how it gets it. Invariant: `Debug` shows no secret.

use std::fmt;

use secrecy::SecretString;

use crate::oci::Registry;

/// How one registry is reached.
#[derive(Clone, Debug)]
pub struct RegistryAccess {
    pub registry: Registry,
    /// `None` for anonymous access: skopeo does not search for other credentials.
    pub login: Option<Login>,
    /// `Some(false)` allows plain HTTP and certificates that cannot be verified; `None` is skopeo's default.
    pub tls_verify: Option<bool>,
    pub certificates: Vec<Certificate>,
}

/// A user at a registry.
#[derive(Clone, Debug)]
pub struct Login {
    pub username: String,
    pub password: SecretString,
}

/// A file of a certificate directory: an authority, a client certificate or its key.
#[derive(Clone)]
pub struct Certificate {
    /// `ca.crt`, `client.cert` or `client.key`: skopeo knows a file by its extension.
    pub name: String,
    /// PEM.
    pub content: Vec<u8>,
}

impl RegistryAccess {
    /// Anonymous access with skopeo's defaults.
    #[must_use]
    pub fn anonymous(registry: Registry) -> Self {
        Self {
            registry,
            login: None,
            tls_verify: None,
            certificates: Vec::new(),
        }
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.name, self.content.len())
    }
}
