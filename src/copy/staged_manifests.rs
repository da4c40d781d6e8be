//! Manifests of staged images, until their tags are written.
//!
//! Decides how many are kept. A manifest that is not here is read again from the destination. Invariant: what is kept takes
//! at most [`MAX_STAGED_BYTES`].

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    batch::JobId,
    oci::{Digest, Manifest},
};

/// A thousand images and more: few manifests are larger than 10 KiB.
const MAX_STAGED_BYTES: usize = 16 << 20;

#[derive(Default)]
pub(super) struct StagedManifests(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    manifests: HashMap<JobId, Manifest>,
    bytes: usize,
}

impl StagedManifests {
    pub(super) fn insert(&self, image: JobId, manifest: Manifest) {
        let mut kept = self.lock();
        kept.remove(image);
        if kept.bytes + manifest.raw.len() <= MAX_STAGED_BYTES {
            kept.bytes += manifest.raw.len();
            kept.manifests.insert(image, manifest);
        }
    }

    /// The manifest of an image, if it is still that of `root`.
    pub(super) fn take(&self, image: JobId, root: &Digest) -> Option<Manifest> {
        let manifest = self.lock().remove(image);
        manifest.filter(|manifest| manifest.digest == *root)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn remove(&mut self, image: JobId) -> Option<Manifest> {
        let manifest = self.manifests.remove(&image)?;
        self.bytes -= manifest.raw.len();
        Some(manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::MediaType;

    fn manifest(size: usize) -> Manifest {
        let padding = " ".repeat(size);
        let text = format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[]}}{padding}"#,
            MediaType::OCI_INDEX
        );
        Manifest::parse(text.into_bytes().into(), None).unwrap()
    }

    #[test]
    fn what_is_kept_is_bounded_and_taken_once() {
        let kept = StagedManifests::default();
        let large = manifest(MAX_STAGED_BYTES / 2 - 1000);
        let root = large.digest.clone();
        for job in 0..3 {
            kept.insert(JobId(job), large.clone());
        }
        assert!(kept.take(JobId(2), &root).is_none(), "there was no room");
        assert!(kept.take(JobId(0), &root).is_some());
        assert!(kept.take(JobId(0), &root).is_none());
        kept.insert(JobId(2), large);
        assert!(kept.take(JobId(2), &Digest::of(b"other")).is_none());
    }
}
