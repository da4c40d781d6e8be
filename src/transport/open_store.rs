//! A store of this machine that a batch has opened.
//!
//! Decides nothing; each format is its own file's.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Destination, Error, Source};
use crate::{
    oci::{Descriptor, StoredName},
    registry::RegistryLimiter,
};

/// How the layers of a source are wanted. Only Docker's archives and daemons make a difference: their layers are not
/// compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LayerFormat {
    /// As they are in the source.
    AsStored,
    /// Compressed, if they are not.
    Compressed(Compression),
}

/// How layers are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Compression {
    #[default]
    Gzip,
    Zstd,
}

/// An image in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredImage {
    pub name: StoredName,
    /// `None` where the manifest is made when the image is read.
    pub manifest: Option<Descriptor>,
}

#[async_trait]
pub trait OpenStore: Send + Sync {
    /// The concurrency and the bytes a second of the whole store.
    fn limiter(&self) -> &RegistryLimiter;

    /// The images that can be named, in the order of the store.
    async fn images(&self) -> Result<Vec<StoredImage>, Error>;

    /// The image `name` to be read; `None` means the only one. A missing image is found out when it is read.
    async fn source(
        self: Arc<Self>,
        name: Option<&StoredName>,
        layers: LayerFormat,
    ) -> Result<Arc<dyn Source>, Error>;

    /// The image `name` to be written; `None` for an image without a name.
    async fn destination(
        self: Arc<Self>,
        name: Option<&StoredName>,
    ) -> Result<Arc<dyn Destination>, Error>;

    /// Ends a batch: packs an archive, loads images into a daemon. Does nothing if nothing was written. May be called
    /// again after a failure.
    async fn finish(&self) -> Result<(), Error>;
}
