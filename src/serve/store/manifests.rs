//! Manifests, tags and referrers in the directory.
//!
//! Decides the order of writing: media type, bytes, referrer, tag; so everything that can be found is complete. Does not
//! decide whether a manifest is acceptable. Invariant: bytes are stored unchanged.

use std::{fs, io, path::PathBuf};

use bytes::Bytes;

use super::{Store, below};
use crate::{
    files::{found, remove},
    oci::{Descriptor, Digest, MediaType, Repository, Tag, Version},
    serve::referrers,
};

/// A manifest as it was pushed.
#[derive(Clone, Debug)]
pub struct StoredManifest {
    pub bytes: Bytes,
    pub media_type: MediaType,
    pub digest: Digest,
}

impl Store {
    /// Stores a manifest, with a tag if there is one, and returns its descriptor.
    ///
    /// Does not check that the content it names exists: tests build damaged sources with it.
    pub fn put_manifest(
        &self,
        repository: &Repository,
        tag: Option<&Tag>,
        media_type: &str,
        bytes: &[u8],
    ) -> io::Result<Descriptor> {
        let digest = Digest::of(bytes);
        let media_type = MediaType::new(media_type);
        self.write_manifest(repository, &digest, &media_type, bytes)?;
        if let Some(tag) = tag {
            self.write_tag(repository, tag, &digest)?;
        }
        Ok(Descriptor {
            media_type,
            digest,
            size: bytes.len() as u64,
            platform: None,
            artifact_type: None,
            urls: Vec::new(),
            annotations: Default::default(),
        })
    }

    pub(crate) fn write_manifest(
        &self,
        repository: &Repository,
        digest: &Digest,
        media_type: &MediaType,
        bytes: &[u8],
    ) -> io::Result<()> {
        let path = self.manifest_path(repository, digest);
        self.write(&path.with_extension("type"), media_type.as_str().as_bytes())?;
        self.write(&path, bytes)?;
        if let Some((subject, descriptor)) = referrers::described(digest, media_type, bytes) {
            let entry = self.referrer_path(repository, &subject, digest);
            self.write(&entry, &serde_json::to_vec(&descriptor)?)?;
        }
        Ok(())
    }

    pub(crate) fn write_tag(
        &self,
        repository: &Repository,
        tag: &Tag,
        digest: &Digest,
    ) -> io::Result<()> {
        self.write(
            &self.tag_path(repository, tag.as_str()),
            digest.to_string().as_bytes(),
        )
    }

    /// The manifest a tag or digest selects.
    pub fn manifest(
        &self,
        repository: &Repository,
        version: &Version,
    ) -> io::Result<Option<StoredManifest>> {
        let digest = match version {
            Version::Digest(digest) => digest.clone(),
            Version::Tag(tag) => match self.tagged(repository, tag.as_str())? {
                Some(digest) => digest,
                None => return Ok(None),
            },
        };
        let path = self.manifest_path(repository, &digest);
        let Some(bytes) = found(fs::read(&path))? else {
            return Ok(None);
        };
        let Some(media_type) = found(fs::read_to_string(path.with_extension("type")))? else {
            return Ok(None);
        };
        Ok(Some(StoredManifest {
            bytes: bytes.into(),
            media_type: MediaType::new(&media_type),
            digest,
        }))
    }

    #[must_use]
    pub fn has_manifest(&self, repository: &Repository, digest: &Digest) -> bool {
        self.manifest_path(repository, digest).exists()
    }

    /// The tags of a repository, sorted by their bytes.
    pub fn tags(&self, repository: &Repository) -> io::Result<Vec<String>> {
        let mut tags = names(self.repository(repository).join("_tags"))?;
        tags.sort_unstable();
        Ok(tags)
    }

    /// Descriptors of the manifests whose `subject` is `subject`, in a stable order.
    pub fn referrers(
        &self,
        repository: &Repository,
        subject: &Digest,
    ) -> io::Result<Vec<Descriptor>> {
        let directory = self.subject_path(repository, subject);
        let mut entries = names(directory.clone())?;
        entries.sort_unstable();
        let mut descriptors = Vec::new();
        for entry in entries {
            if let Some(bytes) = found(fs::read(directory.join(entry)))? {
                descriptors.push(serde_json::from_slice(&bytes)?);
            }
        }
        Ok(descriptors)
    }

    /// Removes a manifest and every tag that names it; false if there is none.
    pub fn delete_manifest(&self, repository: &Repository, digest: &Digest) -> io::Result<bool> {
        let path = self.manifest_path(repository, digest);
        let Some(bytes) = found(fs::read(&path))? else {
            return Ok(false);
        };
        for tag in self.tags(repository)? {
            if self.tagged(repository, &tag)?.as_ref() == Some(digest) {
                remove(&self.tag_path(repository, &tag))?;
            }
        }
        let media_type = MediaType::new(MediaType::OCI_MANIFEST);
        if let Some((subject, _)) = referrers::described(digest, &media_type, &bytes) {
            remove(&self.referrer_path(repository, &subject, digest))?;
        }
        remove(&path)?;
        remove(&path.with_extension("type"))
    }

    /// Removes a tag and leaves the manifest; false if there is none.
    pub fn delete_tag(&self, repository: &Repository, tag: &Tag) -> io::Result<bool> {
        remove(&self.tag_path(repository, tag.as_str()))
    }

    fn tagged(&self, repository: &Repository, tag: &str) -> io::Result<Option<Digest>> {
        let digest = found(fs::read_to_string(self.tag_path(repository, tag)))?;
        Ok(digest.and_then(|digest| digest.trim().parse().ok()))
    }

    fn tag_path(&self, repository: &Repository, tag: &str) -> PathBuf {
        self.repository(repository).join("_tags").join(tag)
    }

    fn manifest_path(&self, repository: &Repository, digest: &Digest) -> PathBuf {
        below(&self.repository(repository).join("_manifests"), digest)
    }

    fn subject_path(&self, repository: &Repository, subject: &Digest) -> PathBuf {
        below(&self.repository(repository).join("_referrers"), subject)
    }

    fn referrer_path(&self, repository: &Repository, subject: &Digest, digest: &Digest) -> PathBuf {
        self.subject_path(repository, subject).join(format!(
            "{}-{}",
            digest.algorithm(),
            digest.hex()
        ))
    }
}

fn names(directory: PathBuf) -> io::Result<Vec<String>> {
    let Some(entries) = found(fs::read_dir(directory))? else {
        return Ok(Vec::new());
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().into_string());
    }
    // A copy from another file system that is not complete yet.
    names.retain(|name| !name.starts_with('.'));
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deleted_manifest_takes_its_tags_along() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let repository = "team/app".parse().unwrap();
        let put = |tag: &str, bytes: &[u8]| {
            let tag = tag.parse().unwrap();
            store
                .put_manifest(&repository, Some(&tag), MediaType::OCI_MANIFEST, bytes)
                .unwrap()
                .digest
        };
        let doomed = put("v1", b"{}");
        put("latest", b"{}");
        put("v2", b"{ }");
        assert!(store.delete_manifest(&repository, &doomed).unwrap());
        assert_eq!(store.tags(&repository).unwrap(), ["v2"]);
        assert!(!store.delete_manifest(&repository, &doomed).unwrap());
    }
}
