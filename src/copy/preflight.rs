//! Looks at one image without writing anything: is it there, what belongs to it, which of its blobs are there.
//!
//! Decides what is asked ahead of a copy. Invariant: what a survey was told is not asked again by the copy: blobs are
//! remembered by the site, manifests are kept here as long as there is room.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{
    CopyError,
    copy_plan::Plan,
    graph::{READERS, TOGETHER},
    image::{ImageCopy, Lookup},
    registry_state::RegistryState,
};
use crate::{
    batch::JobId,
    oci::{Digest, Manifest, Repository},
};

/// Bytes of plans that are kept for the copies; what is beyond is read again, and so is a large image. Where
/// reading is rationed, far fewer may be read in a day.
const MAX_CACHED_BYTES: usize = 16 << 20;

/// What a survey found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PreflightOutcome {
    UpToDate {
        root: Digest,
    },
    /// The destination tag names another image, which is to be kept.
    Kept {
        there: Digest,
    },
    /// It has to be copied; what that takes was reported.
    Missing,
}

/// The plans of surveyed images that wait to be copied.
#[derive(Default)]
pub(super) struct PlanCache(Mutex<Plans>);

#[derive(Default)]
struct Plans {
    plans: HashMap<JobId, (Digest, Box<Plan>)>,
    bytes: usize,
}

impl ImageCopy<'_> {
    pub(super) async fn preflight(self) -> Result<PreflightOutcome, CopyError> {
        let (source, plan) = match self.check().await? {
            Lookup::There(root) => return Ok(PreflightOutcome::UpToDate { root }),
            Lookup::Kept(there) => return Ok(PreflightOutcome::Kept { there }),
            Lookup::Missing { source, plan } => (source, plan),
        };
        if plan.is_there() {
            let root = plan.image.root.digest.clone();
            return Ok(PreflightOutcome::UpToDate { root });
        }
        for some in plan.blobs.chunks(TOGETHER) {
            let looks: Vec<_> = (some.iter()).map(|blob| self.blob(blob).check()).collect();
            stream::iter(looks)
                .buffer_unordered(READERS)
                .try_collect::<()>()
                .await?;
        }
        if !self.budget.is_large() {
            self.plan_cache.put(self.order.id, source, plan);
        }
        Ok(PreflightOutcome::Missing)
    }
}

impl PlanCache {
    fn put(&self, image: JobId, source: Digest, plan: Box<Plan>) {
        let size = plan.weight();
        let mut kept = self.lock();
        if kept.bytes + size <= MAX_CACHED_BYTES {
            kept.bytes += size;
            kept.plans.insert(image, (source, plan));
        }
    }

    /// The plan of an image and the digest its source had then. Nothing of it may have been written since:
    /// what is there is left out of a plan.
    pub(super) fn take(
        &self,
        image: JobId,
        destination: &RegistryState,
        into: &Repository,
    ) -> Option<(Digest, Box<Plan>)> {
        let (source, plan) = {
            let mut kept = self.lock();
            let taken = kept.plans.remove(&image)?;
            kept.bytes -= taken.1.weight();
            taken
        };
        let is_there = |manifest: &Manifest| destination.has_manifest(into, &manifest.digest);
        let is_fresh = !plan.manifests().any(is_there);
        is_fresh.then_some((source, plan))
    }

    fn lock(&self) -> MutexGuard<'_, Plans> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
