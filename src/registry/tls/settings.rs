//! What an operator may set about TLS for one registry, and its defaults.
//!
//! Invariant: without any setting, the certificates that docker and podman use for the registry are used too.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// TLS settings of one registry, in addition to those of the system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// More authorities to trust, PEM.
    pub ca_files: Vec<PathBuf>,
    /// Directories of more authorities: `*.crt`, `*.pem`, `*.cer`.
    pub ca_directories: Vec<PathBuf>,
    /// Client certificate chain and key, PEM.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
    /// If false, every certificate is accepted.
    pub verify: bool,
    /// Directories like docker's `certs.d`: below `HOST:PORT`, authorities as `*.crt`, and a client certificate as
    /// `*.cert` with its `*.key`.
    pub certs_d: Vec<PathBuf>,
}

impl Default for TlsSettings {
    /// Only the `certs.d` directories of docker and podman.
    fn default() -> Self {
        Self {
            ca_files: Vec::new(),
            ca_directories: Vec::new(),
            client_certificate: None,
            verify: true,
            certs_d: usual_certs_d(|name| std::env::var_os(name)),
        }
    }
}

/// Where docker (also rootless) and podman look for certificates of registries.
fn usual_certs_d(environment: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let set = |name| environment(name).filter(|value| !value.is_empty());
    let config = set("XDG_CONFIG_HOME").map(PathBuf::from);
    let config = config.or_else(|| set("HOME").map(|home| Path::new(&home).join(".config")));
    let of_user = config
        .into_iter()
        .flat_map(|config| ["containers", "docker"].map(|tool| config.join(tool).join("certs.d")));
    let of_system = ["/etc/containers/certs.d", "/etc/docker/certs.d"].map(PathBuf::from);
    of_user.chain(of_system).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_places_are_dockers_and_podmans() {
        let found = usual_certs_d(|name| (name == "HOME").then(|| "/home/me".into()));
        let expected = [
            "/home/me/.config/containers/certs.d",
            "/home/me/.config/docker/certs.d",
            "/etc/containers/certs.d",
            "/etc/docker/certs.d",
        ];
        assert_eq!(found, expected.map(PathBuf::from));
    }
}
