//! Uploads that an attempt began and could not end, for the next one to go on with.
//!
//! Decides nothing about whether the registry still knows them: it is asked. Invariant: an upload is given to
//! one transfer at a time.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use super::transfer::Upload;
use crate::oci::{Digest, Repository};

/// The suspended uploads to one registry.
#[derive(Default)]
pub(super) struct SuspendedUploads(Mutex<HashMap<(Repository, Digest), Upload>>);

impl SuspendedUploads {
    pub(super) fn take(&self, repository: &Repository, digest: &Digest) -> Option<Upload> {
        let mut uploads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        uploads.remove(&(repository.clone(), digest.clone()))
    }

    pub(super) fn keep(&self, repository: &Repository, digest: &Digest, upload: Upload) {
        let mut uploads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        uploads.insert((repository.clone(), digest.clone()), upload);
    }

    /// No attempt follows: abandons the sessions of all of them.
    pub(super) fn abandon_all(&self) {
        let mut uploads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        uploads.clear();
    }
}
