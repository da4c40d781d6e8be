//! Where in its store the content of an image can be found.

use crate::oci::{Location, Repository, StoredName, Transport};

/// Content of one scope cannot be found from another one, even in the same store.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Scope {
    Repository(Repository),
    /// An image with its own directory.
    Directory(Option<StoredName>),
    /// The whole store.
    Store,
}

impl Scope {
    pub(super) fn of(location: &Location) -> Self {
        match location {
            Location::Registry(reference) => Self::Repository(reference.repository.clone()),
            Location::Local(image) => match image.store.transport {
                Transport::Dir => Self::Directory(image.name.clone()),
                Transport::Oci
                | Transport::OciArchive
                | Transport::DockerArchive
                | Transport::DockerDaemon
                | Transport::ContainersStorage => Self::Store,
            },
        }
    }

    pub(super) fn repository(&self) -> Option<&Repository> {
        match self {
            Self::Repository(repository) => Some(repository),
            Self::Directory(_) | Self::Store => None,
        }
    }
}
