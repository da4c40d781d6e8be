//! A Docker archive in a file: `docker-archive:`.
//!
//! Decides when the file is read and when it is written. A new archive is received into `FILE.partial/`, packed into
//! `FILE.partial.tar` and then renamed. Invariant: a file that exists is never changed.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use tokio::sync::{Mutex, OnceCell};

use super::{
    super::{
        LocalErrorCause, archive_file::open_archive, blocking::run_blocking, error::Context as _,
        image_name::writable, layers::LayerSpool, tar_index::TarIndex,
    },
    destination::WrittenImage,
    open_image::open_image,
    reader::ArchiveReader,
    writer::ArchiveWriter,
};
use crate::{
    files::sync_parent,
    oci::{LocalStore, Store, StoredName},
    registry::{Limits, RegistryLimiter},
    transport::{Completion, Destination, Error, LayerFormat, OpenStore, Source, StoredImage},
};

const READING: &str = "read the Docker archive";
/// What was received stays beside the archive until it is packed.
const WORK: &str = ".partial";
/// What it is packed into.
const TAR: &str = ".partial.tar";
const WRITING: &str = "write the Docker archive";

/// A `docker-archive:` that a batch reads or writes.
pub struct DockerArchiveStore {
    path: PathBuf,
    store: Store,
    limiter: Arc<RegistryLimiter>,
    spool: Arc<LayerSpool>,
    /// Opened when it is read first.
    reader: OnceCell<Arc<ArchiveReader>>,
    /// There once an image is written, until the archive is packed.
    writer: Mutex<Option<Arc<ArchiveWriter>>>,
}

impl DockerArchiveStore {
    /// The archive in the file of `store`, which is not opened yet. Layers are compressed in `spool`.
    #[must_use]
    pub fn new(store: LocalStore, limits: Limits, spool: Arc<LayerSpool>) -> Self {
        Self {
            path: store.place().into(),
            store: Store::Local(store),
            limiter: Arc::new(RegistryLimiter::new(limits)),
            spool,
            reader: OnceCell::new(),
            writer: Mutex::default(),
        }
    }

    async fn reader(&self) -> Result<Arc<ArchiveReader>, Error> {
        let open = || {
            let (path, spool) = (self.path.clone(), Arc::clone(&self.spool));
            run_blocking(move || {
                let tar = TarIndex::read(open_archive(&path)?, &path)?;
                Ok::<_, LocalErrorCause>(Arc::new(ArchiveReader::read(tar, spool)?))
            })
        };
        let reader = self.reader.get_or_try_init(open).await;
        Ok(reader.cloned().context(READING, self.path.display())?)
    }

    async fn writer(&self) -> Result<Arc<ArchiveWriter>, Error> {
        let mut open = self.writer.lock().await;
        if let Some(writer) = &*open {
            return Ok(Arc::clone(writer));
        }
        let path = self.path.clone();
        let writer = run_blocking(move || open_writer(&path)).await;
        let writer = Arc::new(writer.context(WRITING, self.path.display())?);
        *open = Some(Arc::clone(&writer));
        Ok(writer)
    }
}

#[async_trait]
impl OpenStore for DockerArchiveStore {
    fn limiter(&self) -> &RegistryLimiter {
        &self.limiter
    }

    async fn images(&self) -> Result<Vec<StoredImage>, Error> {
        let names = self.reader().await?.names().into_iter();
        let image = |name| StoredImage {
            name,
            manifest: None,
        };
        Ok(names.map(image).collect())
    }

    async fn source(
        self: Arc<Self>,
        name: Option<&StoredName>,
        layers: LayerFormat,
    ) -> Result<Arc<dyn Source>, Error> {
        let reader = self.reader().await?;
        let image = open_image(&self.store, &self.limiter, reader, name, layers).await;
        Ok(image.context(READING, self.path.display())?)
    }

    async fn destination(
        self: Arc<Self>,
        name: Option<&StoredName>,
    ) -> Result<Arc<dyn Destination>, Error> {
        Ok(Arc::new(WrittenImage {
            name: writable(name, &self.store)?,
            store: self.store.clone(),
            limiter: Arc::clone(&self.limiter),
            writer: self.writer().await?,
        }))
    }

    async fn reopen(&self) -> Result<(), Error> {
        let left = tokio::fs::try_exists(beside(&self.path, WORK)).await;
        if !left.unwrap_or(false) {
            return Ok(());
        }
        let path = self.path.clone();
        let is_written = run_blocking(move || remove_what_is_left(&path)).await;
        if !is_written.context(WRITING, self.path.display())? {
            self.writer().await?;
        }
        Ok(())
    }

    fn is_unfinished(&self) -> bool {
        // A store that is being opened is about to be written.
        self.writer.try_lock().map_or(true, |open| open.is_some())
    }

    async fn finish(&self, is_complete: bool) -> Result<Completion, Error> {
        let mut open = self.writer.lock().await;
        let Some(writer) = open.as_ref().map(Arc::clone) else {
            return Ok(Completion::Written);
        };
        if !is_complete {
            let why = "images failed, and nothing can be added to a Docker archive later: retry or skip them";
            return Ok(Completion::Kept(why.into()));
        }
        let path = self.path.clone();
        let finished = run_blocking(move || finish(&writer, &path)).await;
        finished.context("pack the Docker archive", self.path.display())?;
        *open = None;
        Ok(Completion::Written)
    }
}

fn open_writer(path: &Path) -> Result<ArchiveWriter, LocalErrorCause> {
    if path.try_exists()? {
        return Err(exists());
    }
    ArchiveWriter::open(beside(path, WORK), beside(path, TAR))
}

/// Whether the archive was given its name before a kill; removes what the kill left then.
fn remove_what_is_left(path: &Path) -> Result<bool, LocalErrorCause> {
    if !path.try_exists()? {
        return Ok(false);
    }
    ArchiveWriter::remove_named(beside(path, WORK), &beside(path, TAR), path)
}

/// Packs what was received, and gives it its name.
fn finish(writer: &ArchiveWriter, path: &Path) -> Result<(), LocalErrorCause> {
    if !writer.pack()? {
        return Ok(());
    }
    // Not over a file that somebody else wrote meanwhile.
    match fs::hard_link(writer.tar(), path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(exists()),
        // This file system has no links.
        Err(_) => fs::rename(writer.tar(), path)?,
    }
    sync_parent(path)?;
    writer.remove()
}

fn exists() -> LocalErrorCause {
    let problem = "it exists, and Docker archives are not changed: remove it, or name another file";
    LocalErrorCause::Refused(problem.into())
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
