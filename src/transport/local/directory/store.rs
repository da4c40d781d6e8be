//! Image directories below one directory, as a store.
//!
//! Decides which directory an image has. Invariant: no name leads out of the store's directory.

use std::{
    collections::HashMap,
    path::{Component, Path, PathBuf},
    sync::{Arc, Weak},
};

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::{
    image::DirectoryImage, listing::images_below, reader::ImageDirectory,
    writer::ImageDirectoryWriter,
};
use crate::{
    oci::{LocalStore, Store, StoredName},
    registry::{Limits, RegistryLimiter},
    transport::{
        Destination, Error, LayerFormat, OpenStore, Source, StoredImage,
        local::{LocalError, LocalErrorCause, blocking::run_blocking},
    },
};

pub struct DirectoryStore {
    store: Store,
    root: PathBuf,
    limiter: Arc<RegistryLimiter>,
    /// Those that are open. An async lock, because opening takes time.
    writers: Mutex<HashMap<PathBuf, Weak<ImageDirectoryWriter>>>,
}

impl DirectoryStore {
    /// The image directories below the directory of `store`, which is one itself if no image is named. Opens nothing yet.
    #[must_use]
    pub fn new(store: LocalStore, limits: Limits) -> Self {
        Self {
            root: store.place().into(),
            store: Store::Local(store),
            limiter: Arc::new(RegistryLimiter::new(limits)),
            writers: Mutex::default(),
        }
    }

    fn path_of(&self, name: Option<&StoredName>) -> Result<PathBuf, LocalError> {
        let problem = match name {
            None => return Ok(self.root.clone()),
            Some(StoredName::Name(name)) if is_below(name) => return Ok(self.root.join(name)),
            Some(StoredName::Name(name)) => {
                format!("{name:?} is not the path of a directory below it")
            }
            Some(StoredName::Position(position)) => {
                format!("image directories have names and no positions, so there is no @{position}")
            }
        };
        Err(LocalErrorCause::Refused(problem).at("open an image of", &self.store))
    }

    async fn writer(&self, path: &Path) -> Result<Arc<ImageDirectoryWriter>, Error> {
        let mut writers = self.writers.lock().await;
        if let Some(writer) = writers.get(path).and_then(Weak::upgrade) {
            return Ok(writer);
        }
        let directory = path.to_owned();
        let writer = run_blocking(|| ImageDirectoryWriter::open(directory)).await?;
        let writer = Arc::new(writer);
        writers.retain(|_, other| other.strong_count() > 0);
        writers.insert(path.to_owned(), Arc::downgrade(&writer));
        Ok(writer)
    }
}

#[async_trait]
impl OpenStore for DirectoryStore {
    fn limiter(&self) -> &RegistryLimiter {
        &self.limiter
    }

    async fn images(&self) -> Result<Vec<StoredImage>, Error> {
        let root = self.root.clone();
        Ok(run_blocking(move || images_below(&root)).await?)
    }

    async fn source(
        self: Arc<Self>,
        name: Option<&StoredName>,
        _layers: LayerFormat,
    ) -> Result<Arc<dyn Source>, Error> {
        Ok(Arc::new(DirectoryImage {
            store: self.store.clone(),
            limiter: Arc::clone(&self.limiter),
            directory: ImageDirectory::new(self.path_of(name)?),
            access: (),
        }))
    }

    async fn destination(
        self: Arc<Self>,
        name: Option<&StoredName>,
    ) -> Result<Arc<dyn Destination>, Error> {
        let path = self.path_of(name)?;
        Ok(Arc::new(DirectoryImage {
            store: self.store.clone(),
            limiter: Arc::clone(&self.limiter),
            access: self.writer(&path).await?,
            directory: ImageDirectory::new(path),
        }))
    }
}

fn is_below(name: &str) -> bool {
    let mut components = Path::new(name).components();
    !name.is_empty() && components.all(|component| matches!(component, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_directory() {
        for name in ["app", "team/api:1.2"] {
            assert!(is_below(name), "{name}");
        }
        for name in ["", "..", "../app", "team/../../app", "/etc", "."] {
            assert!(!is_below(name), "{name}");
        }
    }
}
