//! The certificate files of one registry: extra authorities, and the client certificate.
//!
//! Decides which files are read. Invariant: a configured file must exist and be valid. A `certs.d` directory need not
//! exist, but a client certificate without its key, or a key alone, is an error.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use super::settings::TlsSettings;
use crate::{oci::Registry, registry::error::ErrorCause};

pub(super) struct CertificateFiles {
    pub authorities: Vec<CertificateDer<'static>>,
    pub client: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
}

pub(super) fn find(
    registry: &Registry,
    settings: &TlsSettings,
) -> Result<CertificateFiles, ErrorCause> {
    let mut authorities = Vec::new();
    for file in &settings.ca_files {
        authorities.extend(certificates(file)?);
    }
    for directory in &settings.ca_directories {
        let files = files(directory).map_err(|error| unreadable(directory, &error))?;
        let before = authorities.len();
        for file in files
            .iter()
            .filter(|file| has_extension(file, &["crt", "pem", "cer"]))
        {
            authorities.extend(certificates(file)?);
        }
        if authorities.len() == before {
            let text = format!("{} has no *.crt, *.pem or *.cer file", directory.display());
            return Err(ErrorCause::Configuration(text));
        }
    }
    let mut client = settings.client_certificate.clone();
    for file in certs_d_files(registry, &settings.certs_d)? {
        if has_extension(&file, &["crt"]) {
            authorities.extend(certificates(&file)?);
        } else if has_extension(&file, &["cert", "key"]) && client.is_none() {
            client = Some(pair(&file)?);
        }
    }
    let client = match client {
        Some((chain, key)) => {
            let secret = PrivateKeyDer::from_pem_file(&key);
            let secret = secret.map_err(|error| unreadable(&key, &error))?;
            Some((certificates(&chain)?, secret))
        }
        None => None,
    };
    Ok(CertificateFiles {
        authorities,
        client,
    })
}

/// The files below `HOST:PORT` in all of `roots`. Unreadable directories are skipped: they belong to other tools, and
/// the registry may not need them.
fn certs_d_files(registry: &Registry, roots: &[PathBuf]) -> Result<Vec<PathBuf>, ErrorCause> {
    let names = BTreeSet::from([registry.as_str(), registry.api_host()]);
    let mut found = Vec::new();
    for root in roots {
        for name in &names {
            let directory = root.join(name);
            match files(&directory) {
                Ok(files) => found.extend(files),
                Err(error) => match error.kind() {
                    io::ErrorKind::NotFound
                    | io::ErrorKind::PermissionDenied
                    | io::ErrorKind::NotADirectory => {}
                    _ => return Err(unreadable(&directory, &error)),
                },
            }
        }
    }
    Ok(found)
}

/// The certificate and key of a pair, from the path of one of them.
fn pair(file: &Path) -> Result<(PathBuf, PathBuf), ErrorCause> {
    let (chain, key) = (file.with_extension("cert"), file.with_extension("key"));
    let missing = [&chain, &key].into_iter().find(|file| !file.exists());
    match missing {
        Some(missing) => Err(ErrorCause::Configuration(format!(
            "{} is there, but {} is missing",
            file.display(),
            missing.display()
        ))),
        None => Ok((chain, key)),
    }
}

fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(directory)?;
    let mut files = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()?;
    files.sort();
    Ok(files)
}

fn has_extension(file: &Path, extensions: &[&str]) -> bool {
    file.extension()
        .is_some_and(|found| extensions.iter().any(|extension| found == *extension))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, ErrorCause> {
    let found = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(file, &error))?;
    match found.is_empty() {
        false => Ok(found),
        true => Err(unreadable(file, &"it holds no PEM certificate")),
    }
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> ErrorCause {
    ErrorCause::Configuration(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    struct Certificates {
        directory: tempfile::TempDir,
        settings: TlsSettings,
    }

    impl Certificates {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let settings = TlsSettings {
                certs_d: vec![directory.path().join("certs.d")],
                ..TlsSettings::default()
            };
            Self {
                directory,
                settings,
            }
        }

        fn with(self, path: &str, content: &str) -> Self {
            let path = self.directory.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
            self
        }

        fn find(&self) -> Result<(usize, bool), String> {
            let registry = "r.example:5000".parse().unwrap();
            find(&registry, &self.settings)
                .map(|found| (found.authorities.len(), found.client.is_some()))
                .map_err(|error| error.to_string())
        }
    }

    fn made() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["r.example".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn the_certificates_of_docker_are_used() {
        let (certificate, key) = made();
        let certificates = Certificates::new()
            .with("certs.d/r.example:5000/ca.crt", &certificate)
            .with("certs.d/r.example:5000/client.cert", &certificate)
            .with("certs.d/r.example:5000/client.key", &key)
            .with("certs.d/other.example/ca.crt", "not read");
        assert_eq!(certificates.find(), Ok((1, true)));
    }

    #[test]
    fn half_a_client_certificate_is_an_error() {
        let certificates = Certificates::new().with("certs.d/r.example:5000/client.cert", "x");
        let error = certificates.find().unwrap_err();
        assert!(error.contains("client.key is missing"), "{error}");
    }

    #[test]
    fn configured_files_and_directories_must_hold_certificates() {
        let mut certificates = Certificates::new()
            .with("empty.pem", "no certificate")
            .with("some/ca.pem", &made().0)
            .with("none/README", "");
        let path = |name: &str| certificates.directory.path().join(name);
        let [absent, empty, some, none] = ["absent", "empty.pem", "some", "none"].map(path);

        certificates.settings.ca_directories = vec![some];
        assert_eq!(certificates.find(), Ok((1, false)));
        certificates.settings.ca_directories.push(none);
        assert!(certificates.find().unwrap_err().contains("has no *.crt"));
        certificates.settings.ca_directories.clear();
        for file in [absent, empty] {
            certificates.settings.ca_files = vec![file];
            assert!(certificates.find().is_err());
        }
    }
}
