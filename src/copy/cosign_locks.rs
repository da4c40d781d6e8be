//! Which image of a batch may write a cosign tag.
//!
//! Invariant: one image at a time, so that no signature is lost between reading a tag and writing it.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Semaphore;

use super::scope::Scope;
use crate::oci::Tag;

/// The cosign tags of one store.
#[derive(Default)]
pub(super) struct CosignLocks(Mutex<HashMap<(Scope, Tag), Arc<Semaphore>>>);

impl CosignLocks {
    /// The tag's lock, of one permit, and whether this is the first request for it.
    pub(super) fn get(&self, scope: &Scope, tag: &Tag) -> (Arc<Semaphore>, bool) {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match locks.entry((scope.clone(), tag.clone())) {
            Entry::Occupied(lock) => (Arc::clone(lock.get()), false),
            Entry::Vacant(free) => (Arc::clone(free.insert(Arc::new(Semaphore::new(1)))), true),
        }
    }
}
