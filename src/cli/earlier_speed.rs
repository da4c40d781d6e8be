//! How fast an earlier batch copied between the same stores.
//!
//! Decides which batch counts: the newest that moved enough. Invariant: a few batches are read, however many there are.

use std::collections::BTreeSet;

use super::journal_arguments::JournalArguments;
use crate::{
    batch::Job,
    journal::measured_speed,
    oci::{CopySpec, Store},
    present::PlanSpeed,
};

/// Batches that are read.
const MAX_BATCHES: usize = 5;

/// The speed of the newest batch that copied from and to the same stores as `jobs`.
pub(super) async fn find(
    arguments: &JournalArguments,
    jobs: &[Job],
) -> anyhow::Result<Option<PlanSpeed>> {
    let Some(journal) = arguments.journal()?.existing().await? else {
        return Ok(None);
    };
    let ways: BTreeSet<(Store, Store)> = jobs.iter().map(|job| way(&job.spec)).collect();
    for batch in journal.batches().await?.into_iter().take(MAX_BATCHES) {
        let stored = journal.load_jobs(&batch.id).await?;
        let same = (stored.jobs.iter()).filter(|stored| ways.contains(&way(&stored.job.spec)));
        let figures = same.filter_map(|stored| stored.figures.as_ref());
        if let Some(bytes_per_second) = measured_speed(figures) {
            return Ok(Some(PlanSpeed {
                bytes_per_second,
                batch: Some(batch.id),
            }));
        }
    }
    Ok(None)
}

fn way(spec: &CopySpec) -> (Store, Store) {
    (spec.source.store(), spec.destination.store())
}
