//! The images of a daemon: `docker-daemon:` and `containers-storage:`.
//!
//! Decides how long an exported image is kept, and when images are loaded. Invariant: temporary files are in the batch's
//! spool, which removes what a killed process left.

use std::{
    collections::{HashMap, VecDeque},
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use async_trait::async_trait;
use bollard::{Docker, query_parameters::ListImagesOptionsBuilder};
use tokio::sync::{Mutex as AsyncMutex, OnceCell};

use super::{
    super::{
        LocalErrorCause,
        blocking::run_blocking,
        docker_archive::{ArchiveReader, ArchiveWriter, WrittenImage, open_image},
        error::Context as _,
        image_name::writable,
        layers::LayerSpool,
        tar_index::TarIndex,
    },
    address::{self, Environment},
    connection::{cause, connect},
    export::{export, request_name},
    load::load,
};
use crate::{
    oci::{Digest, LocalStore, Store, StoredName},
    registry::{Limits, RegistryLimiter},
    transport::{Completion, Destination, Error, LayerFormat, OpenStore, Source, StoredImage},
};

/// Exported images that are kept although nobody reads them at the moment. Each takes its size on the disk.
const KEPT_EXPORTS: usize = 4;

/// A daemon that a batch reads or writes.
pub struct DaemonStore {
    store: LocalStore,
    limiter: Arc<RegistryLimiter>,
    spool: Arc<LayerSpool>,
    /// Connected when it is needed first.
    connection: OnceCell<Docker>,
    exports: Mutex<HashMap<String, Arc<AsyncMutex<Weak<ArchiveReader>>>>>,
    kept: Mutex<VecDeque<Arc<ArchiveReader>>>,
    /// There once an image is written, until the images are loaded.
    written: AsyncMutex<Option<Written>>,
}

#[derive(Clone)]
struct Written {
    writer: Arc<ArchiveWriter>,
    /// Holds what the writer has.
    directory: PathBuf,
}

impl DaemonStore {
    /// The daemon of `store`, which is not connected yet. Images are exported to `spool`, and their layers are
    /// compressed there.
    #[must_use]
    pub fn new(store: LocalStore, limits: Limits, spool: Arc<LayerSpool>) -> Self {
        Self {
            store,
            limiter: Arc::new(RegistryLimiter::new(limits)),
            spool,
            connection: OnceCell::new(),
            exports: Mutex::default(),
            kept: Mutex::default(),
            written: AsyncMutex::default(),
        }
    }

    async fn connection(&self) -> Result<&Docker, LocalErrorCause> {
        let open = || async {
            let environment = Environment::of_process();
            let url = address::find(&self.store, &environment, Path::exists)?;
            connect(&url).await
        };
        self.connection.get_or_try_init(open).await
    }

    /// The archive of the image `name`, exported once while somebody reads it.
    async fn exported(&self, name: &str) -> Result<Arc<ArchiveReader>, LocalErrorCause> {
        let export_of = {
            let mut exports = self.exports.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(exports.entry(name.to_owned()).or_default())
        };
        let mut known = export_of.lock().await;
        if let Some(reader) = known.upgrade() {
            return Ok(reader);
        }
        let spool = Arc::clone(&self.spool);
        let file = run_blocking(move || Ok::<_, LocalErrorCause>(spool.temporary_file()?)).await?;
        let file = export(self.connection().await?, name, file).await?;
        let (spool, place) = (Arc::clone(&self.spool), format!("{} {name}", self.place()));
        let reader = run_blocking(move || {
            let tar = TarIndex::read(file, Path::new(&place))?;
            Ok::<_, LocalErrorCause>(Arc::new(ArchiveReader::read(tar, spool)?))
        });
        let reader = reader.await?;
        *known = Arc::downgrade(&reader);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.truncate(KEPT_EXPORTS - 1);
        kept.push_front(Arc::clone(&reader));
        Ok(reader)
    }

    async fn open_source(
        &self,
        name: Option<&StoredName>,
        layers: LayerFormat,
    ) -> Result<Arc<dyn Source>, LocalErrorCause> {
        let reader = self.exported(&request_name(name)?).await?;
        // The archive of one image needs no name; an image id is none.
        let name = name.filter(|_| reader.find(None).is_err());
        let store = Store::Local(self.store.clone());
        open_image(&store, &self.limiter, reader, name, layers).await
    }

    async fn writer(&self) -> Result<Arc<ArchiveWriter>, LocalErrorCause> {
        let mut open = self.written.lock().await;
        if let Some(written) = &*open {
            return Ok(Arc::clone(&written.writer));
        }
        let directory = self.work();
        let written = run_blocking(move || {
            fs::create_dir_all(&directory)?;
            let writer = ArchiveWriter::open(directory.join("work"), directory.join("images.tar"))?;
            Ok::<_, LocalErrorCause>(Written {
                writer: Arc::new(writer),
                directory,
            })
        });
        let written = written.await?;
        let writer = Arc::clone(&written.writer);
        *open = Some(written);
        Ok(writer)
    }

    /// Where images are kept until the daemon has loaded them: also after a kill, for the batch that goes on.
    fn work(&self) -> PathBuf {
        let name = Digest::of(self.store.to_string().as_bytes());
        self.spool
            .directory()
            .join(format!("images-{}", name.short()))
    }

    /// What errors call it: the transport alone, where no address was named.
    fn place(&self) -> String {
        match self.store.place() {
            "" => self.store.transport.name().to_owned(),
            _ => self.store.to_string(),
        }
    }

    async fn load_images(&self) -> Result<(), LocalErrorCause> {
        let mut open = self.written.lock().await;
        let Some(Written { writer, directory }) = open.as_ref().cloned() else {
            return Ok(());
        };
        let packing = Arc::clone(&writer);
        if run_blocking(move || packing.pack()).await? {
            load(self.connection().await?, writer.tar()).await?;
            run_blocking(move || {
                writer.remove()?;
                Ok::<_, LocalErrorCause>(fs::remove_dir_all(directory)?)
            })
            .await?;
        }
        *open = None;
        Ok(())
    }
}

#[async_trait]
impl OpenStore for DaemonStore {
    fn limiter(&self) -> &RegistryLimiter {
        &self.limiter
    }

    async fn images(&self) -> Result<Vec<StoredImage>, Error> {
        let list = || async {
            let options = ListImagesOptionsBuilder::new().build();
            let images = self.connection().await?.list_images(Some(options)).await;
            images.map_err(|error| cause(&error))
        };
        let images = list().await.context("list the images of", self.place())?;
        let tags = images.into_iter().flat_map(|image| image.repo_tags);
        let named = tags.filter(|tag| !tag.contains("<none>"));
        let image = |tag| StoredImage {
            name: StoredName::Name(tag),
            manifest: None,
        };
        Ok(named.map(image).collect())
    }

    async fn source(
        self: Arc<Self>,
        name: Option<&StoredName>,
        layers: LayerFormat,
    ) -> Result<Arc<dyn Source>, Error> {
        let source = self.open_source(name, layers).await;
        Ok(source.context("export an image from", self.place())?)
    }

    async fn destination(
        self: Arc<Self>,
        name: Option<&StoredName>,
    ) -> Result<Arc<dyn Destination>, Error> {
        let store = Store::Local(self.store.clone());
        let writer = self.writer().await;
        Ok(Arc::new(WrittenImage {
            name: writable(name, &store)?,
            limiter: Arc::clone(&self.limiter),
            writer: writer.context("write images for", self.place())?,
            store,
        }))
    }

    async fn reopen(&self) -> Result<(), Error> {
        let left = tokio::fs::try_exists(self.work()).await;
        if left.unwrap_or(false) {
            let writer = self.writer().await;
            writer.context("write images for", self.place())?;
        }
        Ok(())
    }

    fn is_unfinished(&self) -> bool {
        // A store that is being opened is about to be written.
        self.written.try_lock().map_or(true, |open| open.is_some())
    }

    /// Loads the images also if others failed: those are loaded when the batch is resumed.
    async fn finish(&self, _is_complete: bool) -> Result<Completion, Error> {
        let loaded = self.load_images().await;
        loaded.context("load the images into", self.place())?;
        Ok(Completion::Written)
    }
}
