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
    Compressed(Codec),
}

/// How bytes are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Codec {
    Gzip,
    Zstd,
}

/// How a batch ended at a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completion {
    Written,
    /// Nothing is lost, but the store is not written yet, for this reason.
    Kept(String),
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

    /// Takes up what an interrupted batch left to be finished.
    async fn reopen(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Whether something was written that [`finish`](Self::finish) has to end.
    fn is_unfinished(&self) -> bool {
        false
    }

    /// Ends a batch: packs an archive, loads images into a daemon. `is_complete` says that no image of the batch failed.
    /// May be called again after a failure.
    async fn finish(&self, _is_complete: bool) -> Result<Completion, Error> {
        Ok(Completion::Written)
    }
}
