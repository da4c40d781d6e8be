//! Uploads that an attempt began and could not end, for the next one to go on with.
//!
//! Decides nothing about whether the registry still knows them: it is asked. Invariant: an upload is given to
//! one transfer at a time.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use super::transfer::Upload;
use crate::oci::{Digest, Hasher, Repository};

/// What one registry was left with.
#[derive(Default)]
pub(super) struct Unfinished(Mutex<HashMap<(Repository, Digest), Left>>);

/// An upload, and the hash of the bytes that may have arrived in it.
pub(super) struct Left {
    pub upload: Upload,
    pub hashed: (Hasher, u64),
}

impl Unfinished {
    pub(super) fn take(&self, repository: &Repository, digest: &Digest) -> Option<Left> {
        let mut uploads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        uploads.remove(&(repository.clone(), digest.clone()))
    }

    pub(super) fn keep(&self, repository: &Repository, digest: &Digest, left: Left) {
        let mut uploads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        uploads.insert((repository.clone(), digest.clone()), left);
    }
}
