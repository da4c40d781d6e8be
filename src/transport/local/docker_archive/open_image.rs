//! Opens one image of a Docker archive as a source.
//!
//! Decides between the two forms that an archive may have it in. Invariant: an image that is not there is opened all the
//! same; reading it says what is missing.

use std::sync::Arc;

use super::{
    super::{
        LocalErrorCause,
        blocking::run_blocking,
        layout::{LayoutImage, ReadOnly},
    },
    reader::ArchiveReader,
    source::ArchivedImage,
};
use crate::{
    oci::{Store, StoredName},
    registry::RegistryLimiter,
    transport::{LayerFormat, Source},
};

pub(in crate::transport::local) async fn open_image(
    store: &Store,
    limiter: &Arc<RegistryLimiter>,
    reader: Arc<ArchiveReader>,
    name: Option<&StoredName>,
    format: LayerFormat,
) -> Result<Arc<dyn Source>, LocalErrorCause> {
    let (found, wanted) = (Arc::clone(&reader), name.cloned());
    let in_layout = run_blocking(move || {
        let Some(inner) = found.inner_layout() else {
            return Ok::<_, LocalErrorCause>(None);
        };
        // What is wrong with it is said when it is read.
        let config = found.config_id(wanted.as_ref()).ok();
        let name = config.and_then(|config| inner.find(&config, format));
        Ok(name.map(|name| (Arc::clone(inner.layout()), name)))
    });
    let (store, limiter) = (store.clone(), Arc::clone(limiter));
    Ok(match in_layout.await? {
        Some((layout, name)) => Arc::new(LayoutImage {
            store,
            limiter,
            layout,
            name: Some(name),
            access: ReadOnly,
        }),
        None => Arc::new(ArchivedImage {
            store,
            limiter,
            reader,
            name: name.cloned(),
            format,
        }),
    })
}
