//! Writes an image directory.
//!
//! Files are staged, synced and renamed. All functions block on the disk. Invariant: an image that was there stays
//! readable until `manifest.json` is replaced.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::files::{MANIFEST, VERSION, VERSION_FILE, VERSION_PREFIX, blob_file, manifest_file};
use crate::{
    files::Staged,
    oci::{Digest, Manifest},
    transport::local::{
        LocalError, LocalErrorCause, blob_writer::BlobWriter, directory_lock::DirectoryLock,
        error::Context,
    },
};

const WRITE: &str = "write the image directory";

/// An image directory that this process writes. It is locked until this is dropped.
#[derive(Debug)]
pub(super) struct ImageDirectoryWriter {
    path: PathBuf,
    lock: DirectoryLock,
}

impl ImageDirectoryWriter {
    /// Locks the directory at `path`, and makes it where there is none.
    ///
    /// # Errors
    /// If another process writes it, it holds other files, or it cannot be written.
    pub(super) fn open(path: PathBuf) -> Result<Self, LocalError> {
        let lock = prepare(&path).context(WRITE, path.display())?;
        Ok(Self { path, lock })
    }

    /// Writes the image's own manifest, which makes the image complete.
    pub(super) fn put_root(&self, manifest: &Manifest) -> Result<(), LocalError> {
        self.put(MANIFEST, &manifest.raw)
    }

    /// Writes another manifest.
    pub(super) fn put_manifest(&self, manifest: &Manifest) -> Result<(), LocalError> {
        self.put(&manifest_file(&manifest.digest), &manifest.raw)
    }

    fn put(&self, name: &str, content: &[u8]) -> Result<(), LocalError> {
        let put = self.lock.replace(&self.path.join(name), content);
        put.context(WRITE, self.path.display())
    }
}

impl BlobWriter for ImageDirectoryWriter {
    fn stage(&self) -> Staged {
        self.lock.stage()
    }

    fn settle_blob(&self, digest: &Digest, staged: &Staged) -> Result<(), LocalError> {
        let settled = staged.settle(&self.path.join(blob_file(digest)));
        settled.context(WRITE, self.path.display())
    }
}

fn prepare(path: &Path) -> Result<DirectoryLock, LocalErrorCause> {
    fs::create_dir_all(path)?;
    let version = path.join(VERSION_FILE);
    let is_image = version.try_exists()? || path.join(MANIFEST).try_exists()?;
    if !is_image && has_other_files(path)? {
        let problem = "the directory has files, and none of them is an image's manifest.json";
        return Err(LocalErrorCause::Invalid(problem.into()));
    }
    let lock = DirectoryLock::acquire(path)?;
    if !version.try_exists()? {
        let text = format!("{VERSION_PREFIX}{VERSION}\n");
        lock.replace(&version, text.as_bytes())?;
    }
    Ok(lock)
}

/// Directories may be those of other images.
fn has_other_files(path: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() && !DirectoryLock::owns(&entry.file_name()) {
            return Ok(true);
        }
    }
    Ok(false)
}
