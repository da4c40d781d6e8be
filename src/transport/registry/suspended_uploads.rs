//! Uploads that a failed attempt leaves for the next one to continue.
//!
//! Does not decide whether the registry still knows their sessions: the next attempt asks it. Invariant: each upload
//! is handed to one transfer.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::upload::Upload;
use crate::{
    oci::{Digest, Repository},
    transport::session_hash::SessionHash,
};

/// The suspended uploads to one registry.
#[derive(Default)]
pub(super) struct SuspendedUploads(Mutex<HashMap<(Repository, Digest), SuspendedUpload>>);

pub(super) struct SuspendedUpload {
    pub upload: Upload,
    pub hash: SessionHash,
}

impl SuspendedUploads {
    pub(super) fn take(&self, repository: &Repository, digest: &Digest) -> Option<SuspendedUpload> {
        self.lock().remove(&(repository.clone(), digest.clone()))
    }

    pub(super) fn insert(&self, repository: &Repository, digest: &Digest, upload: SuspendedUpload) {
        self.lock()
            .insert((repository.clone(), digest.clone()), upload);
    }

    /// Abandons the sessions of all uploads: no attempt follows.
    pub(super) fn abandon_all(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(Repository, Digest), SuspendedUpload>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
