//! The observer that counts a batch.
//!
//! Decides what an event changes. Invariant: a blob of an image counts once, however often attempts report it, and what
//! an earlier run of the batch did is no part of the counters.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    families::{Families, count},
    images_in_flight::ImagesInFlight,
    labels::{self, BatchLabel, BytesLabels, FailureLabels, NoLabels, OutcomeLabel},
    operations::Operations,
};
use crate::{
    batch::{Board, Event, Failure, JobId, Outcome, QueueReason, Settled, Stats, TimedEvent},
    oci::Digest,
};

/// Counts the events of one batch. Costs no more per event in a long list than in a short one.
#[derive(Debug)]
pub struct BatchMetrics {
    families: Families,
    operations: Operations,
    images: ImagesInFlight,
    stats: Stats,
}

impl BatchMetrics {
    pub(super) fn new(families: Families, operations: Operations) -> Self {
        Self {
            families,
            operations,
            images: ImagesInFlight::default(),
            stats: Stats::default(),
        }
    }

    /// Counts an event that `board` has applied.
    pub fn apply(&mut self, event: &TimedEvent, board: &Board) {
        self.stats.apply(event, board);
        let TimedEvent { at, event } = event;
        match event {
            Event::BatchStarted { batch, .. } => {
                self.images.clear();
                let batch = batch.to_string();
                let info = &self.families.batch_info;
                info.get_or_create(&BatchLabel { batch }).set(1);
                self.families.running.set(1);
                self.progressed(*at);
            }
            // A batch that waited for an operator is not stalled.
            Event::BatchResumed | Event::ReviewEnded => self.progressed(*at),
            Event::JobStarted { job, .. } => {
                if let Some(view) = board.job(*job) {
                    self.images.start(&view.job, *at);
                }
            }
            Event::JobQueued { job, why } => match why {
                // A preflight copies nothing; the image starts with its first copy.
                QueueReason::Planned => drop(self.images.remove(*job)),
                QueueReason::Stopped => drop(self.images.end_attempt(*job)),
                QueueReason::Listed
                | QueueReason::User
                | QueueReason::Resumed
                | QueueReason::RetryDue
                | QueueReason::Released => {}
            },
            Event::BlobStarted { job, digest, .. } => self.images.start_blob(*job, digest, *at),
            // A preflight only finds what is there; the copy reports it again.
            Event::BlobSettled { .. } if board.is_reviewing() => {}
            Event::BlobSettled {
                job,
                digest,
                bytes,
                how,
            } => {
                self.settle_blob(*job, digest, *bytes, how, *at);
                self.progressed(*at);
            }
            Event::Progress { .. } => self.progressed(*at),
            Event::JobRetryScheduled { job, cause, .. } => {
                count(&self.families.retries, &failure_labels(cause));
                self.operations.blobs_failed(self.images.end_attempt(*job));
            }
            Event::JobFinished { job, outcome } => {
                self.finish_image(*job, outcome, *at);
                self.progressed(*at);
            }
            Event::BatchFinished { .. } => {
                self.families.running.set(0);
            }
            // The image takes time until it has its tag.
            Event::JobStaged { .. } => self.progressed(*at),
            // The board has the states; another run counted what it did.
            Event::JobListed { .. }
            | Event::JobRestored { .. }
            | Event::ReviewStarted
            | Event::JobPrioritized { .. }
            | Event::MethodSelected { .. }
            | Event::JobPlanned { .. }
            | Event::BlobWaited { .. }
            | Event::RegistriesSampled { .. }
            | Event::Noted { .. }
            | Event::BatchPaused
            | Event::ParallelChanged { .. }
            | Event::LimitChanged { .. }
            | Event::StopRequested { .. }
            | Event::CommandRefused { .. } => {}
        }
        self.families.set_levels(board);
        self.operations.set_copying(board.counts().running);
        if board.finished {
            self.set_eta(None);
        }
    }

    /// Estimates the time left; to be called about once a second.
    pub fn tick(&mut self, now: Timestamp, board: &Board) {
        self.stats.advance(self.stats.since_start(now));
        self.set_eta(self.stats.speed.time_left(board));
    }

    fn set_eta(&self, left: Option<Duration>) {
        let eta = &self.families.eta;
        match left {
            Some(left) => {
                eta.get_or_create(&NoLabels {}).set(left.as_secs_f64());
            }
            None => eta.clear(),
        }
    }

    fn progressed(&self, at: Timestamp) {
        // Milliseconds since 1970 are far below what an f64 counts exactly.
        let seconds = at.as_millisecond() as f64 / 1e3;
        self.families.last_progress.set(seconds);
    }

    fn settle_blob(
        &mut self,
        job: JobId,
        digest: &Digest,
        size: u64,
        how: &Settled,
        at: Timestamp,
    ) {
        let Some((image, settled)) = self.images.settle_blob(job, digest, at) else {
            return;
        };
        let families = &self.families;
        let add_bytes = |labels: &BytesLabels| {
            families.bytes.get_or_create(labels).inc_by(size);
        };
        add_bytes(&BytesLabels {
            registry: image.destination.clone(),
            direction: "written",
            how: labels::how(how),
        });
        if *how == Settled::Copied {
            add_bytes(&BytesLabels {
                registry: image.source.clone(),
                direction: "read",
                how: labels::how(how),
            });
            if let Some(took) = settled.took {
                families.blob_seconds.observe(took.as_secs_f64());
            }
        }
        // Blobs are far smaller than what an f64 counts exactly.
        families.blob_bytes.observe(size as f64);
        self.operations.blob_settled(size);
    }

    fn finish_image(&mut self, job: JobId, outcome: &Outcome, at: Timestamp) {
        let (outcome, result) = match outcome {
            Outcome::Copied { .. } => ("copied", Some(Ok(()))),
            Outcome::UpToDate { .. } => ("up_to_date", Some(Ok(()))),
            Outcome::Failed { cause } => {
                count(&self.families.failures, &failure_labels(cause));
                self.operations.blobs_failed(self.images.end_attempt(job));
                ("failed", Some(Err(cause.class)))
            }
            Outcome::Skipped { .. } => ("skipped", None),
        };
        // An image that never started took no time.
        let Some(image) = self.images.remove(job) else {
            return;
        };
        let took = image.age(at);
        let seconds = &self.families.image_seconds;
        let seconds = seconds.get_or_create(&OutcomeLabel { outcome });
        seconds.observe(took.as_secs_f64());
        if let Some(result) = result {
            let (source, destination) = (&image.source, &image.destination);
            self.operations.copied(source, destination, result, took);
        }
    }
}

fn failure_labels(cause: &Failure) -> FailureLabels {
    FailureLabels {
        side: labels::side(cause.side),
        class: labels::class(cause.class),
    }
}

#[cfg(test)]
mod tests;
