//! Which events change which rows.
//!
//! Decides which part of a batch is stored; writes nothing itself. Events recorded during a commit fold into one
//! change per job, so the next commit grows with how many jobs changed and not with how often. Invariant: the jobs of
//! a list are written in one commit, so a journal never holds a part of them.

use jiff::Timestamp;

use super::{
    BatchState, SettledBlob, StoredJob,
    changes::{Changes, JobChange, StoredState},
    figures::Running,
};
use crate::{
    batch::{Attempt, Event, Job, JobId, QueueReason},
    oci::{Digest, Registry, Repository},
};

/// Settled blobs kept while the journal cannot be written. Beyond, they are dropped: a missing one costs a resumed
/// run a request.
const MAX_SETTLED: usize = 50_000;

/// Folds events into [`Changes`].
#[derive(Debug, Default)]
pub(super) struct PendingChanges {
    rows: Vec<Row>,
    /// Jobs that the started batch has still to list.
    unlisted: usize,
    changes: Changes,
}

#[derive(Debug)]
struct Row {
    /// `None` for a store of this machine, which is quicker to ask than the journal, and for an image that skopeo copies:
    /// it may write other blobs than it reports.
    destination: Option<(Registry, Repository)>,
    attempt: Attempt,
    queued: bool,
    /// Set from staging until the image has ended: also an attempt at its tag leaves it staged.
    staged: Option<Digest>,
    /// `None` if an older version ran attempts of it, so that its sums are not known.
    figures: Option<Running>,
}

impl PendingChanges {
    /// For a batch whose `jobs` the journal already has.
    pub(super) fn of(jobs: &[StoredJob]) -> Self {
        let row = |stored: &StoredJob| Row {
            attempt: stored.attempt,
            queued: stored.outcome.is_none() && stored.staged.is_none(),
            staged: stored.staged.clone(),
            figures: match stored.figures {
                Some(figures) => Some(Running::of(figures)),
                None => (stored.attempt == Attempt(0)).then(Running::default),
            },
            ..Row::new(&stored.job)
        };
        Self {
            rows: jobs.iter().map(row).collect(),
            ..Self::default()
        }
    }

    pub(super) fn apply(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::BatchStarted { jobs, .. } => {
                self.unlisted = (*jobs as usize).saturating_sub(self.rows.len());
                self.rows.reserve_exact(self.unlisted);
                self.changes.listed.reserve_exact(self.unlisted);
                self.changes.state = Some(BatchState::Running);
            }
            Event::JobListed { job } => {
                if job.id.index() == self.rows.len() {
                    self.rows.push(Row::new(job));
                    self.changes.listed.push(job.clone());
                    self.unlisted = self.unlisted.saturating_sub(1);
                }
            }
            Event::JobQueued { job, why } => {
                self.measure(*job, event, at);
                let known = self
                    .rows
                    .get(job.index())
                    .is_some_and(|row| row.queued || row.staged.is_some());
                match why {
                    QueueReason::Listed => {}
                    QueueReason::User
                    | QueueReason::Resumed
                    | QueueReason::RetryDue
                    | QueueReason::Stopped
                    | QueueReason::Planned
                    | QueueReason::Released
                        if known => {}
                    QueueReason::User
                    | QueueReason::Resumed
                    | QueueReason::RetryDue
                    | QueueReason::Stopped
                    | QueueReason::Planned
                    | QueueReason::Released => {
                        self.enter(*job, None, StoredState::Queued);
                    }
                }
            }
            Event::JobStarted { job, attempt } => {
                self.measure(*job, event, at);
                self.enter(*job, Some(*attempt), StoredState::Running);
            }
            Event::JobRetryScheduled {
                job,
                attempt,
                cause,
                ..
            } => {
                self.measure(*job, event, at);
                self.enter(*job, Some(*attempt), StoredState::Waiting(cause.clone()));
            }
            Event::JobStaged { job, root } => {
                self.measure(*job, event, at);
                let known = |row: &Row| row.staged.as_ref() == Some(root);
                if !self.rows.get(job.index()).is_some_and(known) {
                    self.enter(*job, None, StoredState::Staged(root.clone()));
                }
            }
            Event::JobFinished { job, outcome } => {
                self.measure(*job, event, at);
                self.enter(*job, None, StoredState::Ended(outcome.clone()));
            }
            Event::BlobSettled {
                job, digest, bytes, ..
            } => {
                self.measure(*job, event, at);
                if let Some(row) = self.rows.get(job.index())
                    && let Some((registry, repository)) = &row.destination
                    && self.changes.settled.len() < MAX_SETTLED
                {
                    self.changes.settled.insert(SettledBlob {
                        registry: registry.clone(),
                        repository: repository.clone(),
                        digest: digest.clone(),
                        size: *bytes,
                    });
                }
            }
            Event::JobPlanned { job, .. } => self.measure(*job, event, at),
            Event::BatchFinished { stopped_by } => {
                self.changes.state = Some(match stopped_by {
                    Some(_) => BatchState::Stopped,
                    None => BatchState::Finished,
                });
            }
            // Restored jobs come from the journal. A resumed run derives the rest again.
            Event::JobRestored { .. }
            | Event::ReviewStarted
            | Event::ReviewEnded
            | Event::JobPrioritized { .. }
            | Event::MethodSelected { .. }
            | Event::BlobWaited { .. }
            | Event::BlobStarted { .. }
            | Event::Progress { .. }
            | Event::RegistriesSampled { .. }
            | Event::Noted { .. }
            | Event::BatchPaused
            | Event::BatchResumed
            | Event::ParallelChanged { .. }
            | Event::LimitChanged { .. }
            | Event::StopRequested { .. }
            | Event::CommandRefused { .. } => {}
        }
        if !matches!(event, Event::BatchStarted { .. } | Event::JobListed { .. }) {
            self.unlisted = 0;
        }
    }

    /// Whether there is something to write that may be written now.
    pub(super) fn is_due(&self) -> bool {
        self.unlisted == 0 && !self.changes.is_empty()
    }

    pub(super) fn take(&mut self) -> Changes {
        std::mem::take(&mut self.changes)
    }

    fn measure(&mut self, job: JobId, event: &Event, at: Timestamp) {
        let row = self.rows.get_mut(job.index());
        if let Some(figures) = row.and_then(|row| row.figures.as_mut()) {
            figures.apply(event, at);
        }
    }

    fn enter(&mut self, job: JobId, attempt: Option<Attempt>, phase: StoredState) {
        let Some(row) = self.rows.get_mut(job.index()) else {
            return;
        };
        row.attempt = attempt.unwrap_or(row.attempt);
        match &phase {
            StoredState::Queued | StoredState::Running | StoredState::Waiting(_) => {}
            StoredState::Staged(root) => row.staged = Some(root.clone()),
            StoredState::Ended(_) => row.staged = None,
        }
        let phase = match &row.staged {
            Some(root) => StoredState::Staged(root.clone()),
            None => phase,
        };
        row.queued = phase == StoredState::Queued;
        let change = JobChange {
            attempt: row.attempt,
            phase,
            figures: row.figures.as_ref().and_then(Running::figures),
        };
        self.changes.jobs.insert(job, change);
    }
}

impl Row {
    fn new(job: &Job) -> Self {
        Self {
            destination: (job.spec.destination.reference())
                .filter(|_| job.spec.engine.is_native())
                .map(|reference| (reference.registry.clone(), reference.repository.clone())),
            attempt: Attempt(0),
            queued: true,
            staged: None,
            figures: Some(Running::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::journal::Figures;
    use crate::{
        batch::{BatchId, Failure, FailureClass, Millis, Outcome, Side, SkipReason, StopReason},
        oci::{CopyEngine, CopySpec, Digest},
    };

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn job(number: u32) -> Job {
        Job {
            id: JobId(number),
            spec: CopySpec::new(
                format!("a.example/app{number}:1").parse().unwrap(),
                format!("b.example/app{number}:1").parse().unwrap(),
            ),
        }
    }

    fn batch_started(jobs: u32) -> Event {
        Event::BatchStarted {
            batch: BatchId("b".into()),
            list: "list.toml".into(),
            jobs,
            parallel: 4,
            resumed: false,
        }
    }

    fn listed(number: u32) -> Event {
        Event::JobListed { job: job(number) }
    }

    fn queued(why: QueueReason) -> Event {
        Event::JobQueued { job: JobId(0), why }
    }

    fn job_started(attempt: u16) -> Event {
        Event::JobStarted {
            job: JobId(0),
            attempt: Attempt(attempt),
        }
    }

    fn folded(events: &[Event]) -> PendingChanges {
        let mut pending = PendingChanges::default();
        events.iter().for_each(|event| pending.apply(event, NOW));
        pending
    }

    fn stored(outcome: Option<Outcome>) -> StoredJob {
        StoredJob {
            job: job(0),
            attempt: Attempt(1),
            outcome,
            staged: None,
            figures: None,
            verified: None,
        }
    }

    #[test]
    fn a_listing_is_written_when_it_is_whole() {
        let mut pending = folded(&[batch_started(2), listed(0)]);
        assert!(!pending.is_due());
        pending.apply(&listed(1), NOW);
        assert!(pending.is_due());
        assert_eq!(pending.take().listed, [job(0), job(1)]);
        assert!(!pending.is_due());
    }

    #[test]
    fn what_a_job_went_through_since_the_last_commit_is_one_change() {
        let failure = Failure {
            side: Side::Source,
            class: FailureClass::Auth,
            summary: "said 401".into(),
            chain: Vec::new(),
        };
        let retry = Event::JobRetryScheduled {
            job: JobId(0),
            attempt: Attempt(1),
            delay_ms: Millis(1),
            cause: failure,
        };
        let root = Digest::of(b"root");
        let end = Outcome::Copied { root };
        let ended = Event::JobFinished {
            job: JobId(0),
            outcome: end.clone(),
        };
        let due = queued(QueueReason::RetryDue);
        let events = [listed(0), job_started(1), retry, due, job_started(2), ended];
        let changes = folded(&events).take();
        let expected = JobChange {
            attempt: Attempt(2),
            phase: StoredState::Ended(end),
            figures: Some(Figures {
                started: Some(NOW),
                ended: Some(NOW),
                ..Figures::default()
            }),
        };
        assert_eq!(changes.jobs, BTreeMap::from([(JobId(0), expected)]));
    }

    #[test]
    fn an_image_stays_staged_until_it_has_ended_whatever_happens_to_its_tag() {
        let root = Digest::of(b"root");
        let staged = Event::JobStaged {
            job: JobId(0),
            root: root.clone(),
        };
        let failure = Failure {
            side: Side::Destination,
            class: FailureClass::Auth,
            summary: "said 401".into(),
            chain: Vec::new(),
        };
        let retry = Event::JobRetryScheduled {
            job: JobId(0),
            attempt: Attempt(1),
            delay_ms: Millis(1),
            cause: failure.clone(),
        };
        let mut pending = folded(&[listed(0), job_started(1), staged.clone()]);
        for event in [
            queued(QueueReason::Released),
            job_started(1),
            retry,
            queued(QueueReason::RetryDue),
            job_started(2),
            queued(QueueReason::Stopped),
            staged,
        ] {
            pending.apply(&event, NOW);
            let phase = &pending.changes.jobs[&JobId(0)].phase;
            assert_eq!(*phase, StoredState::Staged(root.clone()), "{event:?}");
        }
        // A new copy begins after a failure.
        let outcome = Outcome::Failed { cause: failure };
        let job = JobId(0);
        pending.apply(&Event::JobFinished { job, outcome }, NOW);
        pending.apply(&queued(QueueReason::User), NOW);
        assert_eq!(pending.changes.jobs[&JobId(0)].phase, StoredState::Queued);
    }

    #[test]
    fn a_resumed_batch_does_not_write_again_what_is_staged() {
        let root = Digest::of(b"root");
        let mut pending = PendingChanges::of(&[StoredJob {
            staged: Some(root.clone()),
            ..stored(None)
        }]);
        let job = JobId(0);
        pending.apply(&Event::JobStaged { job, root }, NOW);
        assert!(pending.take().jobs.is_empty());
    }

    #[test]
    fn a_blob_is_settled_where_its_job_writes() {
        let event = |job| Event::BlobSettled {
            job: JobId(job),
            digest: Digest::of(b"layer"),
            bytes: 5,
            how: crate::batch::Settled::Copied,
        };
        let settled = folded(&[listed(0), event(0), event(7)]).take().settled;
        assert_eq!(settled.len(), 1, "a job never listed writes nowhere");
        let settled = settled.first().unwrap();
        assert_eq!(settled.registry.as_str(), "b.example");
        assert_eq!(settled.repository.as_str(), "app0");
    }

    #[test]
    fn blobs_that_skopeo_reports_are_not_known_to_be_there() {
        let mut job = job(0);
        job.spec.engine = CopyEngine::Skopeo;
        let settled = Event::BlobSettled {
            job: JobId(0),
            digest: Digest::of(b"layer"),
            bytes: 5,
            how: crate::batch::Settled::Copied,
        };
        let mut pending = folded(&[Event::JobListed { job }, settled]);
        assert_eq!(pending.take().settled.len(), 0);
    }

    #[test]
    fn what_is_not_written_for_long_stays_small() {
        let mut pending = folded(&[listed(0)]);
        for blob in 0..2 * MAX_SETTLED {
            let event = Event::BlobSettled {
                job: JobId(0),
                digest: Digest::of(&blob.to_le_bytes()),
                bytes: 5,
                how: crate::batch::Settled::Copied,
            };
            pending.apply(&event, NOW);
            pending.apply(&event, NOW);
            pending.apply(&job_started(1), NOW);
        }
        let changes = pending.take();
        assert_eq!(
            (changes.settled.len(), changes.jobs.len()),
            (MAX_SETTLED, 1)
        );
    }

    #[test]
    fn resuming_writes_only_what_changed() {
        let skipped = stored(Some(Outcome::Skipped {
            why: SkipReason::User,
        }));
        let resumed = |before: StoredJob| {
            let mut pending = PendingChanges::of(&[before]);
            pending.apply(&batch_started(1), NOW);
            pending.apply(&listed(0), NOW);
            pending.apply(&queued(QueueReason::Resumed), NOW);
            pending.take()
        };
        let unchanged = resumed(stored(None));
        assert!(unchanged.listed.is_empty() && unchanged.jobs.is_empty());
        let expected = JobChange {
            attempt: Attempt(1),
            phase: StoredState::Queued,
            figures: None,
        };
        assert_eq!(resumed(skipped).jobs[&JobId(0)], expected);
    }

    #[test]
    fn a_batch_says_how_its_run_ended() {
        let state = |stopped_by| folded(&[Event::BatchFinished { stopped_by }]).take().state;
        assert_eq!(state(None), Some(BatchState::Finished));
        assert_eq!(state(Some(StopReason::User)), Some(BatchState::Stopped));
    }

    #[test]
    fn samples_and_words_change_nothing() {
        let mut pending = folded(&[
            Event::Progress { blobs: Vec::new() },
            Event::Noted {
                job: None,
                text: "x".into(),
            },
            Event::BatchPaused,
            job_started(1),
        ]);
        assert!(!pending.is_due());
        assert!(pending.take().is_empty());
    }
}
