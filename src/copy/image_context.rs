//! What every step of copying one image needs.
//!
//! Decides nothing.

use super::{Report, plan_cache::PlanCache, registry_state::RegistryState};
use crate::{
    batch::{Job, JobId},
    oci::{Attachments, OnExisting, Platform, Reference, Repository},
    registry::{ImageBudget, StreamQueue},
};

pub(super) struct ImageContext<'a> {
    pub job: &'a Job,
    pub source_reference: &'a Reference,
    pub destination_reference: &'a Reference,
    pub source: &'a RegistryState,
    pub destination: &'a RegistryState,
    pub plan_cache: &'a PlanCache,
    pub streams: &'a StreamQueue,
    pub budget: ImageBudget<'a>,
    pub report: &'a (dyn Fn(Report) + Send + Sync),
}

impl ImageContext<'_> {
    pub(super) fn job_id(&self) -> JobId {
        self.job.id
    }

    pub(super) fn source_reference(&self) -> &Reference {
        self.source_reference
    }

    pub(super) fn source_repository(&self) -> &Repository {
        &self.source_reference.repository
    }

    pub(super) fn destination_reference(&self) -> &Reference {
        self.destination_reference
    }

    pub(super) fn destination_repository(&self) -> &Repository {
        &self.destination_reference.repository
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
