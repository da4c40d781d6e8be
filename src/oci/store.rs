//! Stores: where images are kept. A registry, or a store of this machine.
//!
//! Decides what one store is: limits, settled blobs and panes are kept per store. Invariant: a store has one canonical
//! text, which is parsed back to the same store.

use std::{fmt, path::Path, str::FromStr, sync::Arc};

use super::{ReferenceError, Registry, names::written_as_text};

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Store {
    Registry(Registry),
    Local(LocalStore),
}

/// A store of this machine: a directory, a file or a daemon.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocalStore {
    pub transport: Transport,
    /// The path of a file or directory; the URL of a daemon, empty for the default one.
    place: Arc<str>,
}

/// How a store of this machine keeps images; named as in containers-transports(5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// An OCI image layout (image-spec image-layout.md).
    Oci,
    /// An OCI image layout in one tar file.
    OciArchive,
    /// The files of images, one directory each.
    Dir,
    /// What `docker save` writes.
    DockerArchive,
    /// A container daemon with Docker's API.
    DockerDaemon,
    /// The storage of podman and buildah.
    ContainersStorage,
}

impl Transport {
    pub const ALL: [Self; 6] = [
        Self::Oci,
        Self::OciArchive,
        Self::Dir,
        Self::DockerArchive,
        Self::DockerDaemon,
        Self::ContainersStorage,
    ];

    /// Its name in locations and lists.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Oci => "oci",
            Self::OciArchive => "oci-archive",
            Self::Dir => "dir",
            Self::DockerArchive => "docker-archive",
            Self::DockerDaemon => "docker-daemon",
            Self::ContainersStorage => "containers-storage",
        }
    }

    /// Whether its stores are files or directories.
    #[must_use]
    pub fn has_path(self) -> bool {
        match self {
            Self::Oci | Self::OciArchive | Self::Dir | Self::DockerArchive => true,
            Self::DockerDaemon | Self::ContainersStorage => false,
        }
    }

    /// The transport that `text` begins with, and what follows its colon.
    pub(super) fn split(text: &str) -> Option<(Self, &str)> {
        let (name, rest) = text.split_once(':')?;
        let transport = Self::ALL.into_iter().find(|known| known.name() == name)?;
        Some((transport, rest))
    }
}

impl LocalStore {
    #[must_use]
    pub fn new(transport: Transport, place: &str) -> Self {
        let place = place.into();
        Self { transport, place }
    }

    /// The path of a file or directory; the URL of a daemon, empty for the default one.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The file or directory, if it is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.transport.has_path().then(|| Path::new(&*self.place))
    }
}

impl Store {
    #[must_use]
    pub fn registry(&self) -> Option<&Registry> {
        match self {
            Self::Registry(registry) => Some(registry),
            Self::Local(_) => None,
        }
    }

    #[must_use]
    pub fn local(&self) -> Option<&LocalStore> {
        match self {
            Self::Registry(_) => None,
            Self::Local(store) => Some(store),
        }
    }
}

impl From<Registry> for Store {
    fn from(registry: Registry) -> Self {
        Self::Registry(registry)
    }
}

impl FromStr for Store {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let Some((transport, rest)) = Transport::split(text) else {
            return Ok(Self::Registry(text.parse()?));
        };
        let place = match transport.has_path() {
            true => rest,
            false => (rest.strip_prefix('['))
                .and_then(|rest| rest.strip_suffix(']'))
                .unwrap_or_default(),
        };
        Ok(Self::Local(LocalStore::new(transport, place)))
    }
}

impl fmt::Display for LocalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, place) = (self.transport.name(), &self.place);
        match self.transport.has_path() {
            true => write!(f, "{name}:{place}"),
            false if place.is_empty() => write!(f, "{name}:"),
            false => write!(f, "{name}:[{place}]"),
        }
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(registry) => fmt::Display::fmt(registry, f),
            Self::Local(store) => fmt::Display::fmt(store, f),
        }
    }
}

impl fmt::Debug for LocalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for LocalStore {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for LocalStore {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Store::deserialize(deserializer)? {
            Store::Local(store) => Ok(store),
            Store::Registry(registry) => Err(serde::de::Error::custom(format!(
                "{registry} is a registry, not a store of this machine"
            ))),
        }
    }
}

written_as_text!(Store);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_store_has_one_text_that_is_read_back() {
        for text in [
            "harbor.example:8443",
            "oci:/srv/estate",
            "oci-archive:week-1.tar",
            "dir:images",
            "docker-archive:app.tar",
            "docker-daemon:",
            "docker-daemon:[unix:///run/podman/podman.sock]",
            "containers-storage:[overlay@/var/lib/containers/storage]",
        ] {
            assert_eq!(text.parse::<Store>().unwrap().to_string(), text);
        }
    }
}
