//! An OCI image layout in one tar file, as a store.
//!
//! Decides when the archive is opened, and when it is packed. Invariant: what was packed is opened anew.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::{
    names::working_directory,
    pack::pack,
    working::{Working, open_archived},
};
use crate::{
    oci::{LocalStore, Store, StoredName},
    registry::{Limits, RegistryLimiter},
    transport::{
        Completion, Destination, Error, LayerFormat, OpenStore, Source, StoredImage,
        local::{
            LocalError, LocalErrorCause,
            blocking::run_blocking,
            error::Context,
            image_name::writable,
            layout::{Layout, LayoutImage, ReadOnly},
            store_files::StoreFiles,
        },
    },
};

pub struct OciArchiveStore {
    store: Store,
    path: PathBuf,
    bases: Vec<PathBuf>,
    limiter: Arc<RegistryLimiter>,
    /// An async lock, because opening takes time.
    opened: Mutex<Opened>,
}

#[derive(Default)]
struct Opened {
    layout: Option<Arc<Layout>>,
    working: Option<Arc<Working>>,
}

impl OciArchiveStore {
    /// The archive that is the file of `store`. Opens nothing yet. Blobs that an archive of `bases` has are not written.
    #[must_use]
    pub fn new(store: LocalStore, bases: Vec<PathBuf>, limits: Limits) -> Self {
        Self {
            path: store.place().into(),
            store: Store::Local(store),
            bases,
            limiter: Arc::new(RegistryLimiter::new(limits)),
            opened: Mutex::default(),
        }
    }

    async fn layout(&self) -> Result<Arc<Layout>, Error> {
        let mut opened = self.opened.lock().await;
        if let Some(layout) = &opened.layout {
            return Ok(Arc::clone(layout));
        }
        let path = self.path.clone();
        let layout = Arc::new(run_blocking(move || open_layout(&path)).await?);
        opened.layout = Some(Arc::clone(&layout));
        Ok(layout)
    }

    async fn working(&self) -> Result<Arc<Working>, Error> {
        let mut opened = self.opened.lock().await;
        if let Some(working) = &opened.working {
            return Ok(Arc::clone(working));
        }
        let (path, bases) = (self.path.clone(), self.bases.clone());
        let working = Arc::new(run_blocking(move || Working::open(&path, &bases)).await?);
        opened.working = Some(Arc::clone(&working));
        Ok(working)
    }
}

#[async_trait]
impl OpenStore for OciArchiveStore {
    fn limiter(&self) -> &RegistryLimiter {
        &self.limiter
    }

    async fn images(&self) -> Result<Vec<StoredImage>, Error> {
        let layout = self.layout().await?;
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
            layout: self.layout().await?,
            name: name.cloned(),
            access: ReadOnly,
        }))
    }

    async fn destination(
        self: Arc<Self>,
        name: Option<&StoredName>,
    ) -> Result<Arc<dyn Destination>, Error> {
        let name = writable(name, &self.store)?;
        let working = self.working().await?;
        Ok(Arc::new(LayoutImage {
            store: self.store.clone(),
            limiter: Arc::clone(&self.limiter),
            layout: Arc::clone(working.writer.layout()),
            name,
            access: Arc::clone(&working.writer),
        }))
    }

    async fn reopen(&self) -> Result<(), Error> {
        let directory = working_directory(&self.path);
        if tokio::fs::try_exists(&directory).await.unwrap_or(false) {
            self.working().await?;
        }
        Ok(())
    }

    fn is_unfinished(&self) -> bool {
        // A store that is being opened is about to be written.
        (self.opened.try_lock()).map_or(true, |opened| opened.working.is_some())
    }

    /// Packs the archive also if images failed: they are added when the batch is resumed.
    async fn finish(&self, _is_complete: bool) -> Result<Completion, Error> {
        let mut opened = self.opened.lock().await;
        if let Some(working) = &opened.working {
            let working = Arc::clone(working);
            run_blocking(move || pack(&working)).await?;
            *opened = Opened::default();
        }
        Ok(Completion::Written)
    }
}

fn open_layout(path: &Path) -> Result<Layout, LocalError> {
    let tar = open_archived(path).context("read", path.display())?;
    match tar {
        Some(tar) => Layout::open(StoreFiles::Archive(tar)),
        None => {
            let working = working_directory(path);
            let problem = match working.exists() {
                true => format!(
                    "it is not complete yet; resume the batch that writes it ({} has what was written)",
                    working.display()
                ),
                false => "there is no such file".into(),
            };
            Err(LocalErrorCause::NotFound(problem).at("read", path.display()))
        }
    }
}
