//! A batch as a report shows it.
//!
//! Decides what is derived from the journal: totals, causes, rankings. Invariant: everything is a function of what the
//! journal has and the time of the report.

use std::{cmp::Reverse, time::Duration};

use jiff::Timestamp;

use super::{
    byte_totals::ByteTotals,
    image_report::{ImageReport, Status},
    store_totals::StoreTotals,
    timeline::Timeline,
};
use crate::{
    batch::{BatchId, Board, Event, JobId, Side, StateCounts},
    journal::{BatchState, BatchSummary, Stored},
    present::{self, CauseGroup, Commands},
};

/// Images of a ranking.
const RANKED: usize = 10;

#[derive(Clone, Debug)]
pub struct BatchReport {
    pub batch: BatchId,
    /// The list as the operator named it.
    pub list: String,
    pub created: Timestamp,
    /// When the last run ended, as far as it is known; absent while the batch runs.
    pub ended: Option<Timestamp>,
    /// When the report was made.
    pub made: Timestamp,
    pub progress: Progress,
    pub counts: StateCounts,
    /// In list order.
    pub images: Vec<ImageReport>,
    /// Absent if no image has figures.
    pub bytes: Option<ByteTotals>,
    pub stores: Vec<StoreTotals>,
    pub timeline: Option<Timeline>,
    /// The most frequent cause first.
    pub failures: Vec<FailureGroup>,
    /// A command that continues the batch or retries what failed.
    pub next: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// A process runs the batch.
    Running,
    /// Images are left, and no process runs the batch.
    Stopped,
    /// Every image has ended.
    Ended,
}

/// The images that failed for the same reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureGroup {
    pub side: Side,
    /// The store that failed, or this machine.
    pub origin: String,
    /// What happened, with `…` for what differs from image to image.
    pub message: String,
    /// What can be done about it.
    pub remedy: String,
    /// Positions in the list, from 0.
    pub images: Vec<usize>,
}

/// Images by how they compared with their sources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Comparisons {
    pub(super) equal: usize,
    pub(super) different: usize,
    /// They could not be compared.
    pub(super) unknown: usize,
}

impl Progress {
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Ended => "ended",
        }
    }
}

impl BatchReport {
    /// The report of a stored batch, as it is at the time `made`.
    #[must_use]
    pub fn new(
        summary: &BatchSummary,
        stored: Stored,
        made: Timestamp,
        commands: &Commands,
    ) -> Self {
        let board = board(&stored);
        let counts = board.counts();
        let failures = present::causes(&board, board.failed());
        let failures = failures
            .iter()
            .filter_map(|group| failure_group(&board, group));
        let failures = failures.collect();
        let progress = match &summary.owner {
            Some(_) => Progress::Running,
            None if !stored.jobs.is_empty() && board.all_done() => Progress::Ended,
            None => Progress::Stopped,
        };
        let next = match progress {
            Progress::Running => None,
            Progress::Stopped => commands.resume(&stored.batch),
            Progress::Ended if counts.failed > 0 => commands.retry_failed(&stored.batch),
            Progress::Ended => None,
        };
        let images: Vec<_> = stored.jobs.into_iter().map(ImageReport::of).collect();
        let last = || images.iter().filter_map(|image| image.figures?.ended).max();
        let ended = match (progress, summary.state) {
            (Progress::Running, _) => None,
            (_, BatchState::Stopped | BatchState::Finished) => Some(summary.changed),
            // Its process was killed.
            (_, BatchState::Created | BatchState::Running) => last(),
        };
        Self {
            batch: stored.batch,
            list: stored.list_path.display().to_string(),
            created: summary.created,
            ended,
            made,
            progress,
            counts,
            bytes: ByteTotals::of(&images),
            stores: StoreTotals::of(&images),
            timeline: Timeline::of(&images),
            images,
            failures,
            next,
        }
    }

    /// From the start of the batch to its end, or to now while it runs; unknown if its process was killed early.
    pub(super) fn elapsed(&self) -> Option<Duration> {
        let until = match self.progress {
            Progress::Running => Some(self.made),
            Progress::Stopped | Progress::Ended => self.ended,
        };
        until?.duration_since(self.created).try_into().ok()
    }

    /// Images whose attempts took longest, the slowest first.
    pub(super) fn slowest(&self) -> Vec<(&ImageReport, Duration)> {
        self.ranked(|image| image.figures.map(|figures| figures.busy()))
    }

    /// The largest images, the largest first.
    pub(super) fn largest(&self) -> Vec<(&ImageReport, u64)> {
        self.ranked(|image| image.figures?.size)
    }

    fn ranked<Key: Ord + Default + Copy>(
        &self,
        key: impl Fn(&ImageReport) -> Option<Key>,
    ) -> Vec<(&ImageReport, Key)> {
        let keyed = self
            .images
            .iter()
            .filter_map(|image| Some((image, key(image)?)));
        let mut ranked: Vec<_> = keyed.filter(|(_, key)| *key > Key::default()).collect();
        ranked.sort_by_key(|(_, key)| Reverse(*key));
        ranked.truncate(RANKED);
        ranked
    }

    /// How the images compared with their sources.
    pub(super) fn comparisons(&self) -> Comparisons {
        let mut comparisons = Comparisons::default();
        for verified in self
            .images
            .iter()
            .filter_map(|image| image.verified.as_ref())
        {
            let images = match (verified.is_equal(), &verified.error) {
                (true, _) => &mut comparisons.equal,
                (false, None) => &mut comparisons.different,
                (false, Some(_)) => &mut comparisons.unknown,
            };
            *images += 1;
        }
        comparisons
    }

    /// Images that are at their destination.
    pub(super) fn arrived(&self) -> usize {
        let is_there =
            |image: &&ImageReport| matches!(image.status, Status::Copied | Status::UpToDate);
        self.images.iter().filter(is_there).count()
    }
}

/// The batch as its events would leave it, for what is derived from those.
fn board(stored: &Stored) -> Board {
    let mut board = Board::default();
    for stored in &stored.jobs {
        let job = stored.job.clone();
        board.apply(&Event::JobListed { job: Box::new(job) });
        if let Some(outcome) = stored.outcome.clone() {
            let job = stored.job.id;
            board.apply(&Event::JobRestored { job, outcome });
        } else if let Some(root) = stored.staged.clone() {
            let job = stored.job.id;
            board.apply(&Event::JobStaged { job, root });
        }
    }
    board
}

fn failure_group(board: &Board, group: &CauseGroup) -> Option<FailureGroup> {
    let first = group
        .jobs
        .first()
        .and_then(|job| board.job(*job)?.cause())?;
    Some(FailureGroup {
        side: group.cause.side,
        origin: group.cause.origin(),
        message: group.cause.message.clone(),
        remedy: present::remedy(first).into_owned(),
        images: group.jobs.iter().copied().map(JobId::index).collect(),
    })
}
