//! What an image is called in a policy: its transport, its scopes and its reference.
//!
//! Decides the order of scopes: the most specific one first. Invariant: it is that of containers/image.

use std::path::Path;

use super::identity::repository_of;
use crate::oci::{Location, Reference, Transport};

/// The names of an image in a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyImage {
    pub(super) transport: &'static str,
    /// Without the default of the transport.
    pub(super) scopes: Vec<String>,
    pub(super) reference: Option<Reference>,
}

impl PolicyImage {
    /// `resolved` is the path of a local store, absolute and without symbolic links.
    #[must_use]
    pub fn of(location: &Location, resolved: Option<&Path>) -> Self {
        let image = match location {
            Location::Registry(reference) => {
                return Self {
                    transport: "docker",
                    scopes: scopes_of_reference(reference),
                    reference: Some(reference.clone()),
                };
            }
            Location::Local(image) => image,
        };
        let transport = image.store.transport;
        let path = resolved.map(|path| path.to_string_lossy().into_owned());
        let name = image.name.as_ref().map(ToString::to_string);
        let (scopes, reference) = match transport {
            Transport::Dir => (path.map(|path| directories(&path)), None),
            Transport::Oci | Transport::OciArchive => {
                let scopes = path.map(|path| {
                    let whole = format!("{path}:{}", name.unwrap_or_default());
                    std::iter::once(whole).chain(directories(&path)).collect()
                });
                (scopes, None)
            }
            Transport::DockerDaemon => {
                let reference: Option<Reference> = name.and_then(|name| name.parse().ok());
                (reference.as_ref().map(scopes_of_reference), reference)
            }
            Transport::DockerArchive | Transport::ContainersStorage => (None, None),
        };
        Self {
            transport: transport.name(),
            scopes: scopes.unwrap_or_default(),
            reference,
        }
    }

    /// The scopes of a reference, the most specific one first, as policies and registries.d have them.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scopes.iter().map(String::as_str)
    }
}

/// `host/a/b:tag`, `host/a/b`, `host/a`, `host`, `*.parent`.
fn scopes_of_reference(reference: &Reference) -> Vec<String> {
    let repository = repository_of(reference);
    let whole = match (&reference.digest, &reference.tag) {
        (Some(digest), _) => format!("{repository}@{digest}"),
        (None, Some(tag)) => format!("{repository}:{tag}"),
        (None, None) => format!("{repository}:latest"),
    };
    let mut scopes = vec![whole];
    let mut rest = repository.as_str();
    loop {
        scopes.push(rest.to_owned());
        match rest.rsplit_once('/') {
            Some((parent, _)) => rest = parent,
            None => break,
        }
    }
    let mut host = rest.split(':').next().unwrap_or_default();
    while let Some((_, parent)) = host.split_once('.') {
        scopes.push(format!("*.{parent}"));
        host = parent;
    }
    scopes
}

/// A path and its parents, without the root.
fn directories(path: &str) -> Vec<String> {
    let parents = Path::new(path).ancestors();
    let named = parents.filter(|parent| parent.parent().is_some_and(|_| parent.has_root()));
    named
        .map(|parent| parent.to_string_lossy().into_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(location: &str, resolved: Option<&str>) -> Vec<String> {
        let location = location.parse().unwrap();
        PolicyImage::of(&location, resolved.map(Path::new)).scopes
    }

    #[test]
    fn scopes_go_from_the_image_to_its_host_and_the_domains_above() {
        assert_eq!(
            scopes("eu.r.example.com:5000/team/api:1", None),
            [
                "eu.r.example.com:5000/team/api:1",
                "eu.r.example.com:5000/team/api",
                "eu.r.example.com:5000/team",
                "eu.r.example.com:5000",
                "*.r.example.com",
                "*.example.com",
                "*.com"
            ]
        );
        let digest = format!("sha256:{}", "a".repeat(64));
        let both = scopes(&format!("r.example/api:1@{digest}"), None);
        assert_eq!(both[0], format!("r.example/api@{digest}"));
        assert_eq!(
            scopes("busybox", None)[0],
            "docker.io/library/busybox:latest"
        );
    }

    #[test]
    fn local_stores_have_their_paths() {
        assert_eq!(
            scopes("dir:x", Some("/srv/a/x")),
            ["/srv/a/x", "/srv/a", "/srv"]
        );
        let layout = ["/srv/a:app:1", "/srv/a", "/srv"];
        assert_eq!(scopes("oci:a:app:1", Some("/srv/a")), layout);
        let daemon = scopes("docker-daemon:localhost/app:1", None);
        assert_eq!(daemon, ["localhost/app:1", "localhost/app", "localhost"]);
        for none in ["docker-archive:/a.tar", "containers-storage:app:1"] {
            assert!(scopes(none, Some("/a.tar")).is_empty());
        }
    }
}
