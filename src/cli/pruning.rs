//! `prune = true` of a list: deletes tags at the destination that no image of the list has.
//!
//! Decides whether they may be deleted. Invariant: the operator sees the name of every tag before the first is deleted,
//! and more than the limit of the list is deleted only after a yes.

use super::{
    confirmation::confirm,
    delete,
    deletion_output::{DeletionOutput, announce},
    output::tell,
};
use crate::{
    batch::Job,
    delete::{Deletion, Way},
    list::{List, PruneLimit},
    metrics::Operations,
    oci::Store,
    present::{PlannedPruning, count, sanitize},
    prune::{self, KeptImages, Plan},
    transport::Stores,
};

/// What a list prunes.
pub(super) struct Pruning {
    kept: KeptImages,
    limit: PruneLimit,
}

/// Whether tags may be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Consent {
    /// Only print what would be deleted.
    DryRun,
    /// Up to the limit; ask for more.
    WithinLimit,
    Given,
}

impl Pruning {
    /// `None` if the list prunes nothing.
    pub(super) fn of(list: &List, jobs: &[Job]) -> Option<Self> {
        let destination = list.destination.as_ref()?;
        let limit = destination.prune?;
        let Store::Registry(registry) = &destination.store else {
            return None;
        };
        let destinations = jobs.iter().map(|job| &job.spec.destination);
        let kept = KeptImages::new(registry.clone(), destinations);
        Some(Self { kept, limit })
    }

    /// Says why nothing is pruned after a batch that did not end well.
    pub(super) fn leave(&self) {
        tell(format_args!(
            "nothing pruned at {}: tags are deleted only after every image was copied",
            self.kept.registry
        ));
    }

    /// What would be pruned, for the plan of the list.
    pub(super) async fn planned(&self, stores: &Stores) -> anyhow::Result<PlannedPruning> {
        let plan = prune::plan(stores, &self.kept).await;
        self.report(&plan, DeletionOutput::default())?;
        let tags = plan.deletions.iter();
        Ok(PlannedPruning {
            tags: tags.flat_map(|deletion| deletion.images.clone()).collect(),
            present: plan.present,
            beyond_limit: self.limit.is_exceeded(plan.tags(), plan.present),
        })
    }

    /// Deletes stale tags, as far as `consent` goes. Whether nothing is left to do.
    pub(super) async fn carry_out(
        &self,
        stores: &Stores,
        consent: Consent,
        json: bool,
        operations: Option<&Operations>,
    ) -> anyhow::Result<bool> {
        let output = DeletionOutput {
            json,
            event: Some("tag_pruned"),
        };
        let plan = prune::plan(stores, &self.kept).await;
        self.report(&plan, output)?;
        let is_complete = plan.unread.is_empty() && plan.problems.is_empty();
        let (tags, registry) = (count(plan.tags(), "tag"), &self.kept.registry);
        if plan.deletions.is_empty() {
            return Ok(is_complete);
        }
        if consent == Consent::DryRun {
            output.planned(&plan.deletions)?;
            let beyond = match self.limit.is_exceeded(plan.tags(), plan.present) {
                true => format!("; that is more than {}, so --yes is needed", self.limit),
                false => String::new(),
            };
            tell(format_args!(
                "{tags} of {} would be pruned at {registry}{beyond}",
                plan.present
            ));
            return Ok(is_complete);
        }
        announce(&plan.deletions);
        if consent == Consent::WithinLimit && !self.may_delete(&plan)? {
            return Ok(false);
        }
        let failed = delete::carry_out(&plan.deletions, stores, output, operations).await?;
        let deleted = count(plan.tags() - failed, "tag");
        tell(format_args!(
            "{deleted} pruned at {registry}, {failed} failed"
        ));
        Ok(is_complete && failed == 0)
    }

    /// Says which tags stay although no image of the list has them.
    fn report(&self, plan: &Plan, output: DeletionOutput) -> anyhow::Result<()> {
        for (repository, error) in &plan.unread {
            let error = error.to_string();
            tell(format_args!(
                "{}/{repository}: not pruned, its tags cannot be read: {}",
                self.kept.registry,
                sanitize(&error)
            ));
        }
        output.problems(&plan.problems)?;
        for deletion in &plan.shared {
            tell(reason_to_stay(deletion));
        }
        Ok(())
    }

    /// Asks if the plan is beyond the limit.
    fn may_delete(&self, plan: &Plan) -> anyhow::Result<bool> {
        if !self.limit.is_exceeded(plan.tags(), plan.present) {
            return Ok(true);
        }
        let (tags, limit) = (count(plan.tags(), "tag"), self.limit);
        let of = format!("{tags} of {}", plan.present);
        let is_confirmed = confirm(
            &format!("prune {of}? That is more than {limit}, which the list allows."),
            &format!(
                "nothing pruned: {of} is more than {limit}, which the list allows; --yes prunes them, prune-limit in \
                 [destination] allows more"
            ),
        )?;
        Ok(is_confirmed)
    }
}

fn reason_to_stay(deletion: &Deletion) -> String {
    let images: Vec<String> = deletion.images.iter().map(ToString::to_string).collect();
    let images = images.join(", ");
    let why = match &deletion.way {
        Way::Manifest { registry, .. } => format!(
            "{registry} deletes tags only with their manifest, which other tags or images of the list need"
        ),
        Way::Tag { .. } | Way::Entries(_) => "something else needs it".to_owned(),
    };
    format!("{}: stays; {why}", sanitize(&images))
}
