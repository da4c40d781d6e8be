//! The files of a store by their names, in a directory or in a tar archive.
//!
//! Decides how a file is found; what is in it is decided by each format. All functions block on the disk. Invariant: a
//! name leads to a regular file of the store or to nothing.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{LocalErrorCause, section::Section, tar_index::TarIndex};

/// Where the files of a store are.
#[derive(Clone, Debug)]
pub(super) enum StoreFiles {
    Directory(PathBuf),
    Archive(TarIndex),
}

impl StoreFiles {
    /// The directory or the archive.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Directory(path) => path,
            Self::Archive(tar) => tar.path(),
        }
    }

    /// The file `name`, relative to the store; `None` if there is none. For a directory, `name` must be one that this
    /// program made: it is not checked.
    pub(super) fn open(&self, name: &str) -> Result<Option<Section>, LocalErrorCause> {
        match self {
            Self::Archive(tar) => tar.file(name),
            Self::Directory(directory) => {
                let path = directory.join(name);
                let Some(length) = file_length(&path, name)? else {
                    return Ok(None);
                };
                match File::open(path) {
                    Ok(file) => Ok(Some(Section::new(Arc::new(file), 0, length))),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                    Err(error) => Err(error.into()),
                }
            }
        }
    }

    /// The bytes of the file `name`; `None` if there is none.
    pub(super) fn length(&self, name: &str) -> Result<Option<u64>, LocalErrorCause> {
        match self {
            Self::Archive(tar) => Ok(tar.file(name)?.map(|file| file.remaining())),
            Self::Directory(directory) => file_length(&directory.join(name), name),
        }
    }

    /// The content of the file `name`.
    ///
    /// # Errors
    /// If there is none, or it has more than `limit` bytes.
    pub(super) fn read(&self, name: &str, limit: usize) -> Result<Vec<u8>, LocalErrorCause> {
        match self.open(name)? {
            Some(file) => match file.read_limited(limit) {
                Ok(content) => Ok(content),
                Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                    Err(LocalErrorCause::Invalid(format!("{name}: {error}")))
                }
                Err(error) => Err(error.into()),
            },
            None => Err(LocalErrorCause::NotFound(format!("it has no file {name}"))),
        }
    }
}

/// Opening a pipe would block, so the kind is looked up before.
fn file_length(path: &Path, name: &str) -> Result<Option<u64>, LocalErrorCause> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(Some(metadata.len())),
        Ok(_) => Err(LocalErrorCause::Invalid(format!("{name} is not a file"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}
