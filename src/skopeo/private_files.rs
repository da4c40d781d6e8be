//! The files that skopeo gets for one call: its auth file and certificates.
//!
//! Decides their names and content, not where they are. Invariant: there is always an auth file, so that skopeo takes no
//! other credentials than those of the request.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use secrecy::{ExposeSecret, SecretSlice};
use serde_json::{Map, Value, json};

use super::access::RegistryAccess;
use crate::oci::{Location, Registry};

/// The auth file, relative to the directory of the call.
pub(super) const AUTH_FILE: &str = "auth/auth.json";

/// A file that only skopeo may read.
pub(super) struct PrivateFile {
    /// Relative to the directory of the call, always in a directory of its own.
    pub(super) name: String,
    pub(super) content: SecretSlice<u8>,
}

/// The files of a call about these sides. The first word of a side is the name of its certificate directory.
pub(super) fn of_call(access: &[RegistryAccess], sides: &[(&str, &Location)]) -> Vec<PrivateFile> {
    let mut files = vec![PrivateFile {
        name: AUTH_FILE.into(),
        content: auth_file(access).into_bytes().into(),
    }];
    for (directory, location) in sides {
        let certificates = (location.registry())
            .and_then(|registry| of_registry(access, registry))
            .map_or(&[][..], |access| &access.certificates);
        files.extend(certificates.iter().map(|certificate| PrivateFile {
            name: format!("{directory}/{}", plain_name(&certificate.name)),
            content: certificate.content.clone().into(),
        }));
    }
    files
}

/// How `registry` is reached, if the request says it.
pub(super) fn of_registry<'a>(
    access: &'a [RegistryAccess],
    registry: &Registry,
) -> Option<&'a RegistryAccess> {
    access.iter().find(|access| access.registry == *registry)
}

/// As containers-auth.json(5) describes it.
fn auth_file(access: &[RegistryAccess]) -> String {
    let logins = access.iter().filter_map(|access| {
        let login = access.login.as_ref()?;
        let pair = format!("{}:{}", login.username, login.password.expose_secret());
        let entry = json!({ "auth": BASE64_STANDARD.encode(pair) });
        Some((access.registry.to_string(), entry))
    });
    let logins: Map<String, Value> = logins.collect();
    json!({ "auths": logins }).to_string()
}

/// The name without characters that would lead out of its directory.
fn plain_name(name: &str) -> String {
    let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let name: String = name.chars().filter(allowed).collect();
    name.trim_start_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skopeo::{Certificate, Login};

    #[test]
    fn logins_and_certificates_become_files() {
        let registry: Registry = "r.example:5000".parse().unwrap();
        let access = RegistryAccess {
            login: Some(Login {
                username: "me".into(),
                password: "se:cret".into(),
            }),
            certificates: vec![Certificate {
                name: "../ca.crt".into(),
                content: b"PEM".to_vec(),
            }],
            ..RegistryAccess::anonymous(registry)
        };
        let source = "r.example:5000/app:1".parse().unwrap();
        let destination = "dir:/srv/app".parse().unwrap();
        let sides = [("source", &source), ("destination", &destination)];
        let files = of_call(&[access], &sides);
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["auth/auth.json", "source/ca.crt"]);
        let auth = files[0].content.expose_secret();
        let expected = br#"{"auths":{"r.example:5000":{"auth":"bWU6c2U6Y3JldA=="}}}"#;
        assert_eq!(auth, expected);
    }

    #[test]
    fn without_a_login_the_auth_file_is_empty() {
        let access = RegistryAccess::anonymous("r.example".parse().unwrap());
        let files = of_call(&[access], &[]);
        assert_eq!(files[0].content.expose_secret(), br#"{"auths":{}}"#);
    }
}
