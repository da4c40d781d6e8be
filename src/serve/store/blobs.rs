//! Blobs in the directory: visible only in the repositories they were pushed to or mounted into.
//!
//! Invariant: a file under `_blobs` has the digest it is named after.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use super::{Store, below};
use crate::{
    files::{Staged, copy, found, make_parent, remove, sync_parent},
    oci::{Descriptor, Digest, MediaType, Repository},
};

impl Store {
    /// Stores `content` as a blob of `repository` and describes it as `media_type`.
    pub fn put_blob(
        &self,
        repository: &Repository,
        media_type: &str,
        mut content: impl Read,
    ) -> io::Result<Descriptor> {
        let staged = self.stage();
        let mut file = File::create_new(staged.path())?;
        let mut hasher = Digest::of(&[]).hasher();
        let mut size = 0;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = content.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            hasher.update(&buffer[..read]);
            file.write_all(&buffer[..read])?;
            size += read as u64;
        }
        let digest = hasher.finish();
        self.settle_blob(repository, &digest, &staged)?;
        Ok(Descriptor {
            media_type: MediaType::new(media_type),
            digest,
            size,
            platform: None,
            artifact_type: None,
            urls: Vec::new(),
            annotations: Default::default(),
        })
    }

    /// Opens a blob of `repository`; also returns its length in bytes.
    pub fn open_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> io::Result<Option<(File, u64)>> {
        let Some(file) = found(File::open(self.blob(repository, digest)))? else {
            return Ok(None);
        };
        let size = file.metadata()?.len();
        Ok(Some((file, size)))
    }

    #[must_use]
    pub fn has_blob(&self, repository: &Repository, digest: &Digest) -> bool {
        self.blob(repository, digest).exists()
    }

    /// Mounts a blob of `from` into `to`; false if `from` does not hold it.
    pub fn mount_blob(
        &self,
        from: &Repository,
        to: &Repository,
        digest: &Digest,
    ) -> io::Result<bool> {
        let source = self.blob(from, digest);
        if !source.exists() {
            return Ok(false);
        }
        let own = self.blob(to, digest);
        make_parent(&own)?;
        if link(&source, &own) {
            sync_parent(&own)?;
        } else {
            let staged = self.stage();
            copy(&source, staged.path())?;
            staged.settle(&own)?;
        }
        Ok(true)
    }

    /// Removes a blob from `repository` only; false if it does not hold it.
    pub fn delete_blob(&self, repository: &Repository, digest: &Digest) -> io::Result<bool> {
        let removed = remove(&self.blob(repository, digest))?;
        let shared = self.shared_blob(digest);
        // If a repository links the file meanwhile, only the shared name is lost.
        if removed && has_one_link(&shared) {
            remove(&shared)?;
        }
        Ok(removed)
    }

    /// Moves staged content, verified to be `digest`, into `repository`.
    pub(crate) fn settle_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
        staged: &Staged,
    ) -> io::Result<()> {
        let own = self.blob(repository, digest);
        let shared = self.shared_blob(digest);
        make_parent(&own)?;
        if link(&shared, &own) {
            return sync_parent(&own);
        }
        staged.settle(&own)?;
        // Without this name the blob is stored twice, nothing worse.
        make_parent(&shared)?;
        link(&own, &shared);
        Ok(())
    }

    fn blob(&self, repository: &Repository, digest: &Digest) -> PathBuf {
        below(&self.repository(repository).join("_blobs"), digest)
    }

    fn shared_blob(&self, digest: &Digest) -> PathBuf {
        below(&self.directory.join("blobs"), digest)
    }
}

/// Whether `link` was made. A file system may have no links, or no more of them.
fn link(original: &Path, link: &Path) -> bool {
    match fs::hard_link(original, link) {
        Ok(()) => true,
        Err(error) => error.kind() == io::ErrorKind::AlreadyExists,
    }
}

#[cfg(unix)]
fn has_one_link(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).is_ok_and(|metadata| metadata.nlink() == 1)
}

#[cfg(not(unix))]
fn has_one_link(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        (directory, store)
    }

    fn repository(name: &str) -> Repository {
        name.parse().unwrap()
    }

    #[test]
    fn a_blob_is_visible_only_where_it_was_put_or_mounted() {
        let (_directory, store) = store();
        let (one, two) = (repository("team/one"), repository("team/two"));
        let digest = store.put_blob(&one, "a/b", &b"layer"[..]).unwrap().digest;
        assert!(store.has_blob(&one, &digest) && !store.has_blob(&two, &digest));
        assert!(store.mount_blob(&one, &two, &digest).unwrap());
        assert!(store.has_blob(&two, &digest));
        assert!(
            !store
                .mount_blob(&repository("none"), &two, &Digest::of(b"x"))
                .unwrap()
        );
    }

    #[cfg(unix)]
    #[test]
    fn the_last_repository_to_drop_a_blob_frees_the_disk() {
        let (_directory, store) = store();
        let (one, two) = (repository("one"), repository("two"));
        let digest = store.put_blob(&one, "a/b", &b"layer"[..]).unwrap().digest;
        store.put_blob(&two, "a/b", &b"layer"[..]).unwrap();
        assert!(store.delete_blob(&one, &digest).unwrap());
        assert!(store.shared_blob(&digest).exists() && store.has_blob(&two, &digest));
        assert!(store.delete_blob(&two, &digest).unwrap());
        assert!(!store.shared_blob(&digest).exists());
        assert!(!store.delete_blob(&two, &digest).unwrap());
    }

    #[test]
    fn nothing_staged_is_left_behind() {
        let (_directory, store) = store();
        for name in ["one", "two", "one"] {
            store
                .put_blob(&repository(name), "a/b", &b"layer"[..])
                .unwrap();
        }
        assert_eq!(store.staged(), 0);
    }
}
