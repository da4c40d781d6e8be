//! What every step of copying one image needs.
//!
//! Decides nothing.

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use super::{
    Report, image_policy::ImagePolicy, plan_cache::PlanCache, scope::Scope,
    staged_manifests::StagedManifests, store_state::StoreState,
};
use crate::{
    batch::{Job, JobId},
    oci::{Attachments, Location, OnExisting, Platform},
    registry::{ImageBudget, StreamQueue},
    signature::CosignKey,
    transport::{Destination, Source},
};

pub(super) struct ImageContext<'a> {
    pub job: &'a Job,
    pub source: &'a Side<dyn Source>,
    pub destination: &'a Side<dyn Destination>,
    pub plan_cache: &'a PlanCache,
    pub staged: &'a StagedManifests,
    /// The public keys that signatures are verified with, by file.
    pub signature_keys: &'a HashMap<PathBuf, CosignKey>,
    /// The policy of the batch, if it has one.
    pub policy: Option<&'a ImagePolicy>,
    pub streams: &'a StreamQueue,
    pub budget: ImageBudget<'a>,
    pub report: &'a (dyn Fn(Report) + Send + Sync),
}

/// One side of a copy: the image there, and what is known of its store.
pub(super) struct Side<I: ?Sized> {
    pub image: Arc<I>,
    pub scope: Scope,
    pub state: Arc<StoreState>,
}

impl ImageContext<'_> {
    pub(super) fn job_id(&self) -> JobId {
        self.job.id
    }

    pub(super) fn source_location(&self) -> &Location {
        &self.job.spec.source
    }

    pub(super) fn destination_location(&self) -> &Location {
        &self.job.spec.destination
    }

    pub(super) fn platforms(&self) -> &[Platform] {
        &self.job.spec.platforms
    }

    pub(super) fn attachments(&self) -> Attachments {
        self.job.spec.attachments
    }

    pub(super) fn on_existing(&self) -> OnExisting {
        self.job.spec.on_existing
    }

    /// Whether the attachments of an image that is present are compared as well.
    pub(super) fn rechecks_attachments(&self) -> bool {
        self.attachments().recheck && self.attachments().any()
    }

    pub(super) fn note(&self, text: String) {
        (self.report)(Report::Noted(text));
    }
}
