//! Opens a store of this machine by its transport.

use std::{path::PathBuf, sync::Arc};

use super::{
    LocalErrorCause, directory::DirectoryStore, layout::LayoutStore, oci_archive::OciArchiveStore,
};
use crate::{
    oci::{LocalStore, Transport},
    registry::Limits,
    transport::{Error, OpenStore},
};

/// What stores of this machine need beside their place.
#[derive(Clone, Debug, Default)]
pub struct LocalSettings {
    /// Where compressed layers are kept until they are copied. A directory for temporary files if `None`.
    pub spool: Option<PathBuf>,
    /// Archives whose blobs are left out of new archives.
    pub base: Vec<PathBuf>,
    pub limits: Limits,
}

/// The store, not opened yet.
pub(in crate::transport) fn open_local(
    store: &LocalStore,
    settings: &LocalSettings,
) -> Result<Arc<dyn OpenStore>, Error> {
    let (own, limits) = (store.clone(), settings.limits);
    Ok(match store.transport {
        Transport::Oci => Arc::new(LayoutStore::new(own, limits)),
        Transport::OciArchive => Arc::new(OciArchiveStore::new(own, settings.base.clone(), limits)),
        Transport::Dir => Arc::new(DirectoryStore::new(own, limits)),
        Transport::DockerArchive | Transport::DockerDaemon | Transport::ContainersStorage => {
            let problem = LocalErrorCause::Unsupported("it cannot be opened yet".into());
            return Err(problem.at("open", store).into());
        }
    })
}
