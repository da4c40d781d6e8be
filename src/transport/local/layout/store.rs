//! An OCI image layout in a directory, as a store.
//!
//! Decides when the layout is locked. Invariant: it is locked from the first destination on until the store is dropped;
//! sources need no lock.

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use tokio::sync::OnceCell;

use super::{
    image::{LayoutImage, ReadOnly},
    reader::Layout,
    writer::LayoutWriter,
};
use crate::{
    oci::{LocalStore, Store, StoredName},
    registry::{Limits, RegistryLimiter},
    transport::{
        Destination, Error, LayerFormat, OpenStore, Source, StoredImage,
        local::{blocking::run_blocking, image_name::writable, store_files::StoreFiles},
    },
};

pub struct LayoutStore {
    store: Store,
    directory: PathBuf,
    limiter: Arc<RegistryLimiter>,
    layout: OnceCell<Arc<Layout>>,
    writer: OnceCell<Arc<LayoutWriter>>,
}

impl LayoutStore {
    /// The layout in the directory of `store`. Opens nothing yet.
    #[must_use]
    pub fn new(store: LocalStore, limits: Limits) -> Self {
        Self {
            directory: store.place().into(),
            store: Store::Local(store),
            limiter: Arc::new(RegistryLimiter::new(limits)),
            layout: OnceCell::new(),
            writer: OnceCell::new(),
        }
    }

    /// Removes images from `index.json`, all in one step; `None` is the only one. Their content stays.
    ///
    /// # Errors
    /// If there is no layout, or another process writes to it.
    pub async fn remove(&self, images: Vec<Option<StoredName>>) -> Result<(), Error> {
        // A writer would make a layout that is not there.
        self.layout().await?;
        let writer = Arc::clone(self.writer().await?);
        Ok(run_blocking(move || writer.remove(&images)).await?)
    }

    async fn layout(&self) -> Result<&Arc<Layout>, Error> {
        let open = || async {
            let files = StoreFiles::Directory(self.directory.clone());
            let layout = run_blocking(|| Layout::open(files)).await?;
            Ok(Arc::new(layout))
        };
        self.layout.get_or_try_init(open).await
    }

    async fn writer(&self) -> Result<&Arc<LayoutWriter>, Error> {
        let open = || async {
            let directory = self.directory.clone();
            let writer = run_blocking(move || LayoutWriter::open(&directory)).await?;
            Ok(Arc::new(writer))
        };
        self.writer.get_or_try_init(open).await
    }
}

#[async_trait]
impl OpenStore for LayoutStore {
    fn limiter(&self) -> &RegistryLimiter {
        &self.limiter
    }

    async fn images(&self) -> Result<Vec<StoredImage>, Error> {
        let layout = Arc::clone(self.layout().await?);
        Ok(run_blocking(move || layout.images()).await?)
    }

    async fn source(
        self: Arc<Self>,
        name: Option<&StoredName>,
        _layers: LayerFormat,
    ) -> Result<Arc<dyn Source>, Error> {
        Ok(Arc::new(LayoutImage {
            store: self.store.clone(),
            limiter: Arc::clone(&self.limiter),
            layout: Arc::clone(self.layout().await?),
            name: name.cloned(),
            access: ReadOnly,
        }))
    }

    async fn destination(
        self: Arc<Self>,
        name: Option<&StoredName>,
    ) -> Result<Arc<dyn Destination>, Error> {
        let name = writable(name, &self.store)?;
        let writer = self.writer().await?;
        Ok(Arc::new(LayoutImage {
            store: self.store.clone(),
            limiter: Arc::clone(&self.limiter),
            layout: Arc::clone(writer.layout()),
            name,
            access: Arc::clone(writer),
        }))
    }
}
