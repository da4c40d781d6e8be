//! Reads `index.json`, again only when it changed.
//!
//! A batch asks for it with every image. Blocks on the disk. Invariant: what another process renamed into place is seen
//! by the next call.

use std::{
    fs, io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use super::index::Index;
use crate::transport::local::{LocalErrorCause, store_files::StoreFiles};

pub(in crate::transport::local) const INDEX: &str = "index.json";
/// Some ten thousand images.
const MAX_INDEX_BYTES: usize = 16 << 20;

#[derive(Debug)]
pub(super) struct IndexFile {
    files: StoreFiles,
    last: Mutex<Option<(Version, Arc<Index>)>>,
}

/// Tells whether the file is another one than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// In an archive it never changes.
    Archived,
    File {
        length: u64,
        modified: Option<SystemTime>,
        inode: u64,
    },
}

impl IndexFile {
    pub(super) fn new(files: StoreFiles) -> Self {
        let last = Mutex::default();
        Self { files, last }
    }

    pub(super) fn read(&self) -> Result<Arc<Index>, LocalErrorCause> {
        let version = self.version()?;
        if let Some((known, index)) = &*self.last()
            && *known == version
        {
            return Ok(Arc::clone(index));
        }
        let raw = self.files.read(INDEX, MAX_INDEX_BYTES)?;
        let index = Arc::new(Index::parse(&raw)?);
        self.remember(version, Arc::clone(&index));
        Ok(index)
    }

    /// Remembers what was just written.
    pub(super) fn remember(&self, version: Version, index: Arc<Index>) {
        *self.last() = Some((version, index));
    }

    fn version(&self) -> Result<Version, LocalErrorCause> {
        match &self.files {
            StoreFiles::Archive(_) => Ok(Version::Archived),
            StoreFiles::Directory(directory) => match Version::of(&directory.join(INDEX)) {
                Ok(version) => Ok(version),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let problem = format!("it has no file {INDEX}");
                    Err(LocalErrorCause::NotFound(problem))
                }
                Err(error) => Err(error.into()),
            },
        }
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Option<(Version, Arc<Index>)>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Version {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        Ok(Self::File {
            length: metadata.len(),
            modified: metadata.modified().ok(),
            inode: inode(&metadata),
        })
    }
}

/// Refuses an index that could not be read back.
pub(super) fn check_length(raw: &[u8]) -> Result<(), LocalErrorCause> {
    match raw.len() > MAX_INDEX_BYTES {
        true => Err(LocalErrorCause::Refused(format!(
            "its {INDEX} would have more than {MAX_INDEX_BYTES} bytes; write the other images into another layout"
        ))),
        false => Ok(()),
    }
}

#[cfg(unix)]
fn inode(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> u64 {
    0
}
