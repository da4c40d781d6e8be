//! What was received for a Docker archive that is not packed yet.
//!
//! Decides which files the working directory has. All functions block on the disk. Invariants: one process uses it at a
//! time; a file under its final name is complete, so a later process continues with what is there.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    super::{LocalErrorCause, directory_lock::DirectoryLock},
    image_list::MAX_JSON_BYTES,
};
use crate::{
    files::{Staged, found, remove},
    oci::Digest,
};

const IMAGES: &str = "images.json";
/// There while the tar has all images.
const PACKED: &str = "packed";
/// Lists of as many images as archives are read of.
const MAX_IMAGES_BYTES: u64 = 64 << 20;

#[derive(Debug)]
pub(super) struct WorkDirectory {
    directory: PathBuf,
    lock: DirectoryLock,
}

/// An image that was received completely.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ReceivedImage {
    pub config: Digest,
    /// Lowest first.
    pub diff_ids: Vec<Digest>,
    pub tags: BTreeSet<String>,
}

/// A layer that was received, and what it was in the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ReceivedLayer {
    pub diff_id: Digest,
    /// Length of the blob in bytes.
    pub size: u64,
}

impl WorkDirectory {
    /// Opens `directory`, and creates it where there is none.
    pub(super) fn open(directory: PathBuf) -> Result<Self, LocalErrorCause> {
        fs::create_dir_all(&directory)?;
        let lock = DirectoryLock::acquire(&directory)?;
        Ok(Self { directory, lock })
    }

    pub(super) fn stage(&self) -> Staged {
        self.lock.stage()
    }

    pub(super) fn layer_path(&self, diff_id: &Digest) -> PathBuf {
        self.path("layers", diff_id, "tar")
    }

    pub(super) fn config_path(&self, config: &Digest) -> PathBuf {
        self.path("configs", config, "json")
    }

    /// The length of a config in bytes.
    pub(super) fn config_length(&self, config: &Digest) -> io::Result<Option<u64>> {
        let metadata = found(fs::metadata(self.config_path(config)))?;
        Ok(metadata.map(|metadata| metadata.len()))
    }

    pub(super) fn config(&self, config: &Digest) -> io::Result<Option<Vec<u8>>> {
        match self.config_length(config)? {
            Some(length) if length <= MAX_JSON_BYTES as u64 => {
                found(fs::read(self.config_path(config)))
            }
            Some(_) | None => Ok(None),
        }
    }

    pub(super) fn put_config(&self, config: &Digest, content: &Staged) -> io::Result<()> {
        content.settle(&self.config_path(config))
    }

    /// What the layer blob `digest` became.
    pub(super) fn layer(&self, digest: &Digest) -> Result<Option<ReceivedLayer>, LocalErrorCause> {
        read_json(&self.path("blobs", digest, "json"), MAX_JSON_BYTES as u64)
    }

    pub(super) fn put_layer_file(&self, diff_id: &Digest, plain: &Staged) -> io::Result<()> {
        plain.settle(&self.layer_path(diff_id))
    }

    /// Records what the layer blob `digest` became. Its file is there.
    pub(super) fn put_layer(&self, digest: &Digest, layer: &ReceivedLayer) -> io::Result<()> {
        let record = serde_json::to_vec(layer)?;
        self.lock
            .replace(&self.path("blobs", digest, "json"), &record)
    }

    pub(super) fn images(&self) -> Result<Vec<ReceivedImage>, LocalErrorCause> {
        let images = read_json(&self.directory.join(IMAGES), MAX_IMAGES_BYTES)?;
        Ok(images.unwrap_or_default())
    }

    pub(super) fn put_images(&self, images: &[ReceivedImage]) -> io::Result<()> {
        self.lock
            .replace(&self.directory.join(IMAGES), &serde_json::to_vec(images)?)
    }

    /// Whether the tar beside it has all images.
    pub(super) fn is_packed(&self) -> io::Result<bool> {
        self.directory.join(PACKED).try_exists()
    }

    pub(super) fn set_packed(&self, is_packed: bool) -> io::Result<()> {
        let path = self.directory.join(PACKED);
        match is_packed {
            true => self.lock.replace(&path, b""),
            false => remove(&path).map(drop),
        }
    }

    /// Removes the list of images first: without it, nothing in the directory is needed.
    pub(super) fn remove(&self) -> io::Result<()> {
        remove(&self.directory.join(IMAGES))?;
        found(fs::remove_dir_all(&self.directory)).map(|_| ())
    }

    fn path(&self, kind: &str, digest: &Digest, extension: &str) -> PathBuf {
        let name = format!("{}-{}.{extension}", digest.algorithm(), digest.hex());
        self.directory.join(kind).join(name)
    }
}

fn read_json<T: DeserializeOwned>(path: &Path, limit: u64) -> Result<Option<T>, LocalErrorCause> {
    match found(fs::metadata(path))? {
        None => return Ok(None),
        Some(metadata) if metadata.len() <= limit => {}
        Some(_) => {
            let problem = format!("{} is too large", path.display());
            return Err(LocalErrorCause::Invalid(problem));
        }
    }
    let value = serde_json::from_slice(&fs::read(path)?);
    let value = value.map_err(|error| {
        LocalErrorCause::Invalid(format!("{} cannot be read: {error}", path.display()))
    });
    value.map(Some)
}
