//! Which image of a batch may write a cosign tag.
//!
//! Invariant: one image at a time, so that no signature is lost between reading a tag and writing it.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Semaphore;

use crate::oci::{Repository, Tag};

/// The cosign tags of one registry.
#[derive(Default)]
pub(super) struct CosignLocks(Mutex<HashMap<(Repository, Tag), Arc<Semaphore>>>);

impl CosignLocks {
    /// The tag's lock, of one permit, and whether this is the first request for it.
    pub(super) fn get(&self, repository: &Repository, tag: &Tag) -> (Arc<Semaphore>, bool) {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match locks.entry((repository.clone(), tag.clone())) {
            Entry::Occupied(lock) => (Arc::clone(lock.get()), false),
            Entry::Vacant(free) => (Arc::clone(free.insert(Arc::new(Semaphore::new(1)))), true),
        }
    }
}
