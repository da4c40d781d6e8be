//! Plans that the preflight made, until their images are copied.
//!
//! Decides how many are kept. Invariant: a plan is used once, and only if nothing of it was written since.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{complete_manifests::CompleteManifests, copy_plan::CopyPlan, scope::Scope};
use crate::{
    batch::JobId,
    oci::{Digest, Manifest},
};

/// Plans beyond this are dropped, and the copy reads their manifests again. Registries with a pull limit allow far
/// fewer manifests a day.
const MAX_CACHED_BYTES: usize = 16 << 20;

#[derive(Default)]
pub(super) struct PlanCache(Mutex<Plans>);

#[derive(Default)]
struct Plans {
    plans: HashMap<JobId, (Digest, Box<CopyPlan>)>,
    bytes: usize,
}

impl PlanCache {
    /// Keeps the plan of an image whose source reference names `source`.
    pub(super) fn insert(&self, image: JobId, source: Digest, plan: Box<CopyPlan>) {
        let size = plan.memory_bytes();
        let mut cache = self.lock();
        if cache.bytes + size <= MAX_CACHED_BYTES {
            cache.bytes += size;
            cache.plans.insert(image, (source, plan));
        }
    }

    /// Takes the plan of an image, and the digest that its source reference named. `complete` are the manifests at the
    /// destination: a new plan would leave them out.
    pub(super) fn take(
        &self,
        image: JobId,
        complete: &CompleteManifests,
        scope: &Scope,
    ) -> Option<(Digest, Box<CopyPlan>)> {
        let (source, plan) = {
            let mut cache = self.lock();
            let (source, plan) = cache.plans.remove(&image)?;
            cache.bytes -= plan.memory_bytes();
            (source, plan)
        };
        let is_complete = |manifest: &Manifest| complete.contains(scope, &manifest.digest);
        let is_current = !plan.manifests().any(is_complete);
        is_current.then_some((source, plan))
    }

    fn lock(&self) -> MutexGuard<'_, Plans> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
