//! Reads an image directory.
//!
//! All functions block on the disk. Invariant: manifests are verified, and no larger than registries take them.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

use bytes::Bytes;

use super::files::{
    MANIFEST, VERSION, VERSION_FILE, VERSION_PREFIX, blob_file, digest_of_manifest, manifest_file,
};
use crate::{
    oci::{Descriptor, Digest, Manifest},
    registry::{MAX_MANIFESTS, described_as_referrer},
    transport::{
        Error,
        local::{
            LocalError, LocalErrorCause,
            error::Context,
            manifest_file::{MANIFEST_LIMIT, describe, read_manifest},
            section::Section,
            store_files::StoreFiles,
        },
    },
};

const READ: &str = "read the image directory";
const MAX_VERSION_BYTES: usize = 1 << 10;

/// A directory that may hold an image.
#[derive(Clone, Debug)]
pub(super) struct ImageDirectory {
    path: PathBuf,
    files: StoreFiles,
}

impl ImageDirectory {
    pub(super) fn new(path: PathBuf) -> Self {
        let files = StoreFiles::Directory(path.clone());
        Self { path, files }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The image's own manifest; `None` if there is no image.
    ///
    /// # Errors
    /// Also if the directory is of a version that is not known.
    pub(super) fn root(&self) -> Result<Option<Manifest>, LocalError> {
        let read = || {
            self.check_version()?;
            match self.files.read(MANIFEST, MANIFEST_LIMIT) {
                Ok(raw) => Ok(Some(Manifest::parse(Bytes::from(raw), None)?)),
                Err(LocalErrorCause::NotFound(_)) => Ok(None),
                Err(error) => Err(error),
            }
        };
        read().context(READ, self.path.display())
    }

    /// Any manifest of the directory, verified.
    pub(super) fn manifest(&self, described: &Descriptor) -> Result<Manifest, Error> {
        if let Some(root) = self.root()?
            && root.digest == described.digest
        {
            return Ok(root);
        }
        let name = manifest_file(&described.digest);
        let file = self.open(&name)?;
        let raw = read_manifest(file, described, self.path.display())?;
        let media_type = Some(described.media_type.as_str());
        let manifest = Manifest::parse_as(Bytes::from(raw), described.digest.clone(), media_type);
        Ok(manifest.context(READ, self.path.display())?)
    }

    /// The descriptor of a manifest, if it is there.
    pub(super) fn find(&self, digest: &Digest) -> Result<Option<Descriptor>, LocalError> {
        if let Some(root) = self.root()?
            && root.digest == *digest
        {
            return Ok(Some(described_as_referrer(&root)));
        }
        let length = self.length_of(&manifest_file(digest))?;
        Ok(length.map(|size| describe(digest, size)))
    }

    /// Bytes of a blob, if it is there.
    pub(super) fn length(&self, digest: &Digest) -> Result<Option<u64>, LocalError> {
        self.length_of(&blob_file(digest))
    }

    pub(super) fn open_blob(&self, digest: &Digest) -> Result<Section, LocalError> {
        self.open(&blob_file(digest))
    }

    /// The manifests that refer to `subject` and are no children of an index.
    pub(super) fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>, Error> {
        let mut referrers = Vec::new();
        let mut children = HashSet::new();
        children.extend(self.root()?.iter().flat_map(child_digests));
        for digest in self.manifests().context(READ, self.path.display())? {
            let Some(found) = self.find(&digest)? else {
                continue;
            };
            let manifest = self.manifest(&found)?;
            children.extend(child_digests(&manifest));
            if manifest.subject.as_ref().map(|its| &its.digest) == Some(subject) {
                let mut referrer = described_as_referrer(&manifest);
                // They may be large, and whoever needs them reads the manifest.
                referrer.annotations.clear();
                referrers.push(referrer);
            }
        }
        referrers.retain(|referrer| !children.contains(&referrer.digest));
        Ok(referrers)
    }

    /// The digests of all manifests but the image's own, sorted.
    fn manifests(&self) -> Result<Vec<Digest>, LocalErrorCause> {
        let mut digests = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            digests.extend(name.to_str().and_then(digest_of_manifest));
            if digests.len() as u64 > MAX_MANIFESTS {
                let problem = format!("it has more than {MAX_MANIFESTS} manifests");
                return Err(LocalErrorCause::Invalid(problem));
            }
        }
        digests.sort_unstable();
        Ok(digests)
    }

    fn open(&self, name: &str) -> Result<Section, LocalError> {
        let open = || {
            let missing = || LocalErrorCause::NotFound(format!("it has no file {name}"));
            self.files.open(name)?.ok_or_else(missing)
        };
        open().context(READ, self.path.display())
    }

    fn length_of(&self, name: &str) -> Result<Option<u64>, LocalError> {
        (self.files.length(name)).context(READ, self.path.display())
    }

    fn check_version(&self) -> Result<(), LocalErrorCause> {
        let raw = match self.files.read(VERSION_FILE, MAX_VERSION_BYTES) {
            Err(LocalErrorCause::NotFound(_)) => return Ok(()),
            raw => raw?,
        };
        let text = String::from_utf8_lossy(&raw);
        match text.trim().strip_prefix(VERSION_PREFIX) {
            Some(version) if version.starts_with("1.") => Ok(()),
            Some(_) | None => Err(LocalErrorCause::Invalid(format!(
                "its version file says {:?}; only \"{VERSION_PREFIX}{VERSION}\" can be read",
                text.trim()
            ))),
        }
    }
}

fn child_digests(manifest: &Manifest) -> impl Iterator<Item = Digest> {
    manifest.children().iter().map(|child| child.digest.clone())
}
