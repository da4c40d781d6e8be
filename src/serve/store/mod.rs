//! The directory a registry is served from.
//!
//! ```text
//! repositories/NAME/_blobs/sha256/HEX           a blob this repository holds
//! repositories/NAME/_manifests/sha256/HEX       a manifest, byte for byte
//! repositories/NAME/_manifests/sha256/HEX.type  its media type
//! repositories/NAME/_tags/TAG                   the digest the tag names
//! repositories/NAME/_referrers/sha256/SUBJECT/sha256-HEX
//!                                               descriptor of a manifest that refers to SUBJECT
//! blobs/sha256/HEX                              the same file as in the repositories that hold it
//! uploads/PROCESS/                              not yet complete content
//! ```
//!
//! A blob is one file with a hard link in each repository that holds it (on a file system without
//! links: a copy), so the links are the reference count and no garbage collection is needed. Ordinary tools can
//! copy or pack the directory while nothing writes to it.
//!
//! Decides names and order of writing. Invariant: content is complete, synced and verified before it gets a name outside
//! `uploads/`.

mod blobs;
mod manifests;

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

pub use manifests::StoredManifest;

use crate::{
    files::{Staged, Staging},
    oci::{Digest, Repository},
};

/// A registry's content. Cheap to clone; all methods block on the disk.
#[derive(Clone, Debug)]
pub struct Store {
    directory: Arc<Path>,
    staging: Arc<Staging>,
}

impl Store {
    /// Opens the registry in `directory`, which is created if it does not exist.
    pub fn open(directory: impl AsRef<Path>) -> io::Result<Self> {
        let directory = directory.as_ref();
        fs::create_dir_all(directory.join("repositories"))?;
        Ok(Self {
            staging: Arc::new(Staging::open(&directory.join("uploads"))?),
            directory: directory.into(),
        })
    }

    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn repository(&self, repository: &Repository) -> PathBuf {
        self.directory
            .join("repositories")
            .join(repository.as_str())
    }

    /// Whether anything was ever pushed to `repository`.
    #[must_use]
    pub fn has_repository(&self, repository: &Repository) -> bool {
        let directory = self.repository(repository);
        directory.join("_manifests").exists() || directory.join("_blobs").exists()
    }

    /// The repositories that hold or held a manifest, sorted by name.
    pub fn repositories(&self) -> io::Result<Vec<String>> {
        let mut found = Vec::new();
        find_repositories(&self.directory.join("repositories"), "", &mut found)?;
        found.sort_unstable();
        Ok(found)
    }

    /// A path for content that is not complete yet.
    pub(crate) fn stage(&self) -> Staged {
        self.staging.stage()
    }

    /// The number of staged files.
    #[cfg(test)]
    pub(crate) fn staged(&self) -> usize {
        self.staging.count()
    }

    /// Writes a small file atomically.
    fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let staged = self.stage();
        File::create_new(staged.path())?.write_all(content)?;
        staged.settle(path)
    }
}

fn find_repositories(directory: &Path, name: &str, found: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let Ok(component) = entry.file_name().into_string() else {
            continue;
        };
        if component == "_manifests" {
            found.push(name.to_owned());
        } else if !component.starts_with('_') && entry.file_type()?.is_dir() {
            let name = match name {
                "" => component,
                name => format!("{name}/{component}"),
            };
            find_repositories(&entry.path(), &name, found)?;
        }
    }
    Ok(())
}

fn below(directory: &Path, digest: &Digest) -> PathBuf {
    directory.join(digest.algorithm()).join(digest.hex())
}
