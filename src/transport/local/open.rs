//! Opens a store of this machine by its transport.

use std::{path::PathBuf, sync::Arc};

use super::LocalErrorCause;
use crate::{
    oci::LocalStore,
    transport::{Error, OpenStore},
};

/// What stores of this machine need beside their place.
#[derive(Clone, Debug, Default)]
pub struct LocalSettings {
    /// Where compressed layers are kept until they are copied. A directory for temporary files if `None`.
    pub spool: Option<PathBuf>,
    /// Archives whose blobs are left out of new archives.
    pub base: Vec<PathBuf>,
}

pub(in crate::transport) async fn open_local(
    store: &LocalStore,
    _settings: &LocalSettings,
) -> Result<Arc<dyn OpenStore>, Error> {
    let problem = LocalErrorCause::Unsupported("it cannot be opened yet".into());
    Err(problem.at("open", store).into())
}
