//! Opens a store of this machine by its transport.

use std::{path::PathBuf, sync::Arc};

use super::{
    daemon::DaemonStore, directory::DirectoryStore, docker_archive::DockerArchiveStore,
    layers::LayerSpool, layout::LayoutStore, oci_archive::OciArchiveStore,
};
use crate::{
    oci::{LocalStore, Transport},
    registry::Limits,
    transport::OpenStore,
};

/// What stores of this machine need beside their place.
#[derive(Clone, Debug, Default)]
pub struct LocalSettings {
    /// Where compressed layers are kept until they are copied.
    pub spool: Arc<LayerSpool>,
    /// Archives whose blobs are left out of new archives.
    pub base: Vec<PathBuf>,
    pub limits: Limits,
}

/// The store, not opened yet.
pub(in crate::transport) fn open_local(
    store: &LocalStore,
    settings: &LocalSettings,
) -> Arc<dyn OpenStore> {
    let (own, limits) = (store.clone(), settings.limits);
    let spool = Arc::clone(&settings.spool);
    match store.transport {
        Transport::Oci => Arc::new(LayoutStore::new(own, limits)),
        Transport::OciArchive => Arc::new(OciArchiveStore::new(own, settings.base.clone(), limits)),
        Transport::Dir => Arc::new(DirectoryStore::new(own, limits)),
        Transport::DockerArchive => Arc::new(DockerArchiveStore::new(own, limits, spool)),
        Transport::DockerDaemon | Transport::ContainersStorage => {
            Arc::new(DaemonStore::new(own, limits, spool))
        }
    }
}
