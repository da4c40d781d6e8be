//! Local destinations of a plan: those that a copy would make are made elsewhere, and removed.
//!
//! Decides which ones are replaced by empty ones: archives, which every copy writes anew, and directories that do not
//! exist. Invariant: the plan names the destinations of the list.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use crate::{
    batch::Job,
    oci::{LocalImage, LocalStore, Location, Store, Transport},
    present::PlanReport,
};

/// Stores in `scratch`, and which ones they stand for.
pub(super) struct PlanDestinations {
    scratch: PathBuf,
    originals: HashMap<LocalStore, LocalStore>,
    replaced: HashMap<LocalStore, LocalStore>,
}

impl PlanDestinations {
    pub(super) fn new(scratch: &Path) -> Self {
        Self {
            scratch: scratch.to_owned(),
            originals: HashMap::new(),
            replaced: HashMap::new(),
        }
    }

    /// Replaces the destinations of `jobs` that a copy would make.
    pub(super) fn replace(&mut self, jobs: &mut [Job]) {
        for job in jobs {
            if let Location::Local(LocalImage { store, .. }) = &mut job.spec.destination
                && is_made(store)
            {
                *store = self.replacement(store);
            }
        }
    }

    fn replacement(&mut self, store: &LocalStore) -> LocalStore {
        if let Some(known) = self.replaced.get(store) {
            return known.clone();
        }
        let place = self.scratch.join(format!("store-{}", self.replaced.len()));
        let replacement = LocalStore::new(store.transport, &place.to_string_lossy());
        self.originals.insert(replacement.clone(), store.clone());
        self.replaced.insert(store.clone(), replacement.clone());
        replacement
    }

    /// Names the destinations of the list in `report`.
    pub(super) fn restore(&self, report: &mut PlanReport) {
        for image in &mut report.images {
            if let Location::Local(LocalImage { store, .. }) = &mut image.destination {
                self.restore_store(store);
            }
        }
        let destinations = report
            .destinations
            .iter_mut()
            .map(|own| &mut own.destination);
        let layers = report.largest_layers.iter_mut();
        for store in destinations.chain(layers.map(|layer| &mut layer.destination)) {
            if let Store::Local(store) = store {
                self.restore_store(store);
            }
        }
    }

    fn restore_store(&self, store: &mut LocalStore) {
        if let Some(original) = self.originals.get(store) {
            *store = original.clone();
        }
    }
}

/// Whether a copy makes this store.
fn is_made(store: &LocalStore) -> bool {
    match store.transport {
        Transport::Oci | Transport::Dir => store.path().is_some_and(|path| !path.exists()),
        Transport::OciArchive | Transport::DockerArchive => true,
        Transport::DockerDaemon | Transport::ContainersStorage => false,
    }
}
