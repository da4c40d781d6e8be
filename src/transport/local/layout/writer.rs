//! Writes an OCI image layout in a directory.
//!
//! Content is staged, synced and renamed; `index.json` is replaced the same way, after all that it lists. All functions
//! block on the disk. Invariant: at every moment, also when the process is killed, a file under `blobs/` has the digest
//! that it is named after, and `index.json` lists only what was written before.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    index::Index,
    index_file::{INDEX, Version, check_length},
    reader::{Layout, MARKER, VERSION, blob_name},
};
use crate::{
    files::Staged,
    oci::{Digest, Manifest, StoredName},
    registry::described_as_referrer,
    transport::local::{
        LocalError, LocalErrorCause, blob_writer::BlobWriter, directory_lock::DirectoryLock,
        error::Context, store_files::StoreFiles,
    },
};

const WRITE: &str = "write";

/// A layout that this process writes. It is locked until this is dropped.
#[derive(Debug)]
pub(in crate::transport::local) struct LayoutWriter {
    directory: PathBuf,
    layout: Arc<Layout>,
    /// One change of `index.json` at a time.
    changing: Mutex<()>,
    lock: DirectoryLock,
}

/// How a manifest is listed in `index.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Listing {
    Named(String),
    /// Without a name.
    Unnamed,
    /// Only if it has a subject: nothing else leads to it.
    IfReferrer,
}

impl LayoutWriter {
    /// Opens the layout in `directory` for writing, and makes one where there is none.
    ///
    /// # Errors
    /// If another process writes it, the directory holds something else, or it cannot be written.
    pub(super) fn open(directory: &Path) -> Result<Self, LocalError> {
        let lock = prepare(directory).context(WRITE, directory.display())?;
        Self::over(directory, lock, Layout::open)
    }

    /// Writes the prepared layout in `directory`. `open` decides where else its blobs are.
    pub(in crate::transport::local) fn over(
        directory: &Path,
        lock: DirectoryLock,
        open: impl FnOnce(StoreFiles) -> Result<Layout, LocalError>,
    ) -> Result<Self, LocalError> {
        let files = StoreFiles::Directory(directory.to_owned());
        Ok(Self {
            layout: Arc::new(open(files)?),
            directory: directory.to_owned(),
            changing: Mutex::default(),
            lock,
        })
    }

    /// The layout, to be read.
    pub(in crate::transport::local) fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// Writes a manifest, then lists it.
    pub(super) fn put_manifest(
        &self,
        manifest: &Manifest,
        listing: &Listing,
    ) -> Result<(), LocalError> {
        let (digest, raw) = (&manifest.digest, &manifest.raw);
        if self.layout.length(digest)? != Some(raw.len() as u64) {
            let path = self.directory.join(blob_name(digest));
            self.lock
                .replace(&path, raw)
                .context(WRITE, self.directory.display())?;
        }
        let mut image = described_as_referrer(manifest);
        // They may be large, and whoever needs them reads the manifest.
        image.annotations.clear();
        match listing {
            Listing::Named(name) => self.update_index(|index| index.set_name(name, &image)),
            Listing::IfReferrer if manifest.subject.is_none() => Ok(()),
            Listing::IfReferrer | Listing::Unnamed => self.update_index(|index| index.add(&image)),
        }
    }

    /// Removes images from `index.json`, all in one step; `None` is the only one. Their content stays.
    pub(super) fn remove(&self, images: &[Option<StoredName>]) -> Result<(), LocalError> {
        let unnamed = match images.contains(&None) {
            true => Some(self.layout.find(None)?.digest),
            false => None,
        };
        let named: Vec<StoredName> = images.iter().flatten().cloned().collect();
        self.update_index(|index| Ok(index.remove(&named, unnamed.as_ref())))
    }

    /// Changes `index.json` in one step, unless `change` says that nothing changed.
    pub(in crate::transport::local) fn update_index(
        &self,
        change: impl FnOnce(&mut Index) -> Result<bool, LocalErrorCause>,
    ) -> Result<(), LocalError> {
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let update = || {
            let mut index = Index::clone(&*self.layout.index_file().read()?);
            if !change(&mut index)? {
                return Ok(());
            }
            let raw = index.to_bytes()?;
            check_length(&raw)?;
            let staged = self.lock.stage();
            File::create_new(staged.path())?.write_all(&raw)?;
            let version = Version::of(staged.path())?;
            staged.settle(&self.directory.join(INDEX))?;
            self.layout.index_file().remember(version, Arc::new(index));
            Ok::<_, LocalErrorCause>(())
        };
        update().context(WRITE, self.directory.display())
    }
}

impl BlobWriter for LayoutWriter {
    fn stage(&self) -> Staged {
        self.lock.stage()
    }

    fn settle_blob(&self, digest: &Digest, staged: &Staged) -> Result<(), LocalError> {
        let settled = staged.settle(&self.directory.join(blob_name(digest)));
        settled.context(WRITE, self.directory.display())
    }
}

/// Locks `directory` and makes it a layout.
pub(in crate::transport::local) fn prepare(
    directory: &Path,
) -> Result<DirectoryLock, LocalErrorCause> {
    fs::create_dir_all(directory)?;
    let is_layout = || fs::exists(directory.join(MARKER));
    if !is_layout()? && !is_unused(directory)? {
        let problem = "the directory is not empty, and it is not an OCI layout";
        return Err(LocalErrorCause::Invalid(problem.into()));
    }
    let lock = DirectoryLock::acquire(directory)?;
    if !is_layout()? {
        let marker = serde_json::json!({"imageLayoutVersion": VERSION}).to_string();
        let index = Index::empty()?.to_bytes()?;
        // The marker last: with it the layout is complete.
        for (name, content) in [(INDEX, &index[..]), (MARKER, marker.as_bytes())] {
            lock.replace(&directory.join(name), content)?;
        }
    }
    Ok(lock)
}

/// Whether a directory has nothing but what an interrupted start of this program left.
fn is_unused(directory: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        if name != INDEX && !DirectoryLock::owns(&name) {
            return Ok(false);
        }
    }
    Ok(true)
}
