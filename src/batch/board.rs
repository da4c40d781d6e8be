//! The fold of a batch's events: who is where, and what is left to do.
//!
//! Decides how an event changes state; decides nothing about what should happen next. Invariant: every
//! question the scheduler or a frame asks often is answered from an index, never by looking at all jobs.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Attempt, BatchId, BlobKind, Event, Failure, FailureClass, Job, JobId, LaneState, Millis,
    Outcome, PlannedManifest, QueueReason, Selection, Settled, SkipReason, StopMode, StopReason,
};
use crate::oci::{Digest, MediaType, Registry};

/// Where a job is, with what that state knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Queued,
    Running,
    /// Failed for now; tried again after `delay`.
    Waiting {
        delay: Millis,
    },
    Copied,
    UpToDate,
    Failed,
    Skipped(SkipReason),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobView {
    pub job: Job,
    pub state: State,
    /// The current or last attempt.
    pub attempt: Attempt,
    /// The attempts up to here do not count against the retry budget: a person asked to go on.
    pub forgiven: Attempt,
    pub root: Option<Digest>,
    /// Parents before their children; empty until they are read.
    pub manifests: Vec<PlannedManifest>,
    /// Empty until the image's manifests are read.
    pub blobs: Vec<BlobView>,
    /// What each failed attempt ended with, oldest first.
    pub failures: Vec<(Attempt, Failure)>,
    /// Sum of `blobs` by size, and of what of it is settled or under way.
    pub bytes_total: u64,
    pub bytes_done: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobView {
    pub digest: Digest,
    pub size: u64,
    pub kind: BlobKind,
    pub media_type: Option<MediaType>,
    pub state: BlobState,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlobState {
    Pending,
    /// Another job uploads the same content.
    WaitingFor(JobId),
    Copying {
        done: u64,
    },
    Settled(Settled),
}

/// How many jobs are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateCounts {
    pub queued: usize,
    pub running: usize,
    pub waiting: usize,
    pub copied: usize,
    pub up_to_date: usize,
    pub failed: usize,
    pub skipped: usize,
}

/// Sums over all jobs, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Size of all blobs of planned jobs; grows while manifests are read.
    pub planned: u64,
    /// Of those, settled or under way.
    pub done: u64,
    /// Bytes that crossed the wire for settled blobs.
    pub copied: u64,
    /// Bytes saved by mounting, and by finding a blob present.
    pub mounted: u64,
    pub present: u64,
    /// Bytes of blobs in flight now.
    pub in_flight: u64,
}

/// The state of a batch.
#[derive(Clone, Debug, Default)]
pub struct Board {
    pub batch: Option<BatchId>,
    pub list: String,
    pub parallel: u16,
    pub resumed: bool,
    pub paused: bool,
    pub stopping: Option<StopMode>,
    /// The last event was applied.
    pub finished: bool,
    pub stopped_by: Option<StopReason>,
    pub lanes: BTreeMap<Registry, LaneState>,
    jobs: Vec<JobView>,
    counts: StateCounts,
    totals: Totals,
    /// Queued jobs in the order they start: prioritized ones (latest first), then the list's order.
    queue: BTreeSet<(i64, JobId)>,
    rank: BTreeMap<JobId, i64>,
    next_rank: i64,
    running: BTreeSet<JobId>,
    /// Of those running, the ones that can only wait for other jobs' uploads.
    held_up: BTreeSet<JobId>,
    waiting: BTreeSet<JobId>,
    failed: BTreeSet<JobId>,
}

impl JobView {
    fn new(job: Job) -> Self {
        Self {
            job,
            state: State::Queued,
            attempt: Attempt(0),
            forgiven: Attempt(0),
            root: None,
            manifests: Vec::new(),
            blobs: Vec::new(),
            failures: Vec::new(),
            bytes_total: 0,
            bytes_done: 0,
        }
    }

    /// Ended, for better or worse.
    #[must_use]
    pub fn is_done(&self) -> bool {
        match self.state {
            State::Queued | State::Running | State::Waiting { .. } => false,
            State::Copied | State::UpToDate | State::Failed | State::Skipped(_) => true,
        }
    }

    /// How many attempts of the current retry budget are used.
    #[must_use]
    pub fn tries(&self) -> u16 {
        self.attempt.0 - self.forgiven.0.min(self.attempt.0)
    }

    /// Running, and everything it still needs is being uploaded by other jobs.
    fn is_held_up(&self) -> bool {
        let mut waits = false;
        self.state == State::Running
            && self.blobs.iter().all(|blob| {
                waits |= matches!(blob.state, BlobState::WaitingFor(_));
                matches!(blob.state, BlobState::WaitingFor(_) | BlobState::Settled(_))
            })
            && waits
    }

    /// The failure this job stands at, if it failed or waits to be tried again.
    #[must_use]
    pub fn cause(&self) -> Option<&Failure> {
        match self.state {
            State::Failed | State::Waiting { .. } => self.failures.last().map(|(_, cause)| cause),
            _ => None,
        }
    }
}

impl Board {
    #[must_use]
    pub fn jobs(&self) -> &[JobView] {
        &self.jobs
    }

    #[must_use]
    pub fn job(&self, id: JobId) -> Option<&JobView> {
        self.jobs.get(id.index())
    }

    #[must_use]
    pub fn counts(&self) -> StateCounts {
        self.counts
    }

    #[must_use]
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Queued jobs in the order they should start.
    pub fn queue(&self) -> impl Iterator<Item = JobId> + '_ {
        self.queue.iter().map(|(_, job)| *job)
    }

    pub fn running(&self) -> impl Iterator<Item = JobId> + '_ {
        self.running.iter().copied()
    }

    /// How many running jobs can only wait for other jobs' uploads.
    #[must_use]
    pub fn held_up(&self) -> usize {
        self.held_up.len()
    }

    /// Jobs that failed and wait to be tried again.
    pub fn waiting(&self) -> impl Iterator<Item = JobId> + '_ {
        self.waiting.iter().copied()
    }

    pub fn failed(&self) -> impl Iterator<Item = JobId> + '_ {
        self.failed.iter().copied()
    }

    /// The jobs of `selection` that exist, in list order.
    #[must_use]
    pub fn members(&self, selection: &Selection) -> Vec<JobId> {
        match selection {
            Selection::Jobs(jobs) => jobs
                .iter()
                .copied()
                .filter(|job| job.index() < self.jobs.len())
                .collect(),
            Selection::AllFailed => self.failed().collect(),
        }
    }

    /// Whether every job has ended.
    #[must_use]
    pub fn all_done(&self) -> bool {
        self.counts.queued + self.counts.running + self.counts.waiting == 0
    }

    /// Folds one event. Events about jobs that were never listed change nothing.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::BatchStarted {
                batch,
                list,
                jobs,
                parallel,
                resumed,
            } => {
                *self = Self {
                    batch: Some(batch.clone()),
                    list: list.clone(),
                    parallel: *parallel,
                    resumed: *resumed,
                    jobs: Vec::with_capacity(*jobs as usize),
                    ..Self::default()
                };
            }
            Event::JobListed { job } => {
                // Ids index the table, so a job listed out of order could not be found again.
                if job.id.index() == self.jobs.len() {
                    self.queue.insert((0, job.id));
                    self.counts.queued += 1;
                    self.jobs.push(JobView::new(job.clone()));
                }
            }
            Event::JobRestored { job, outcome } | Event::JobFinished { job, outcome } => {
                self.finish(*job, outcome);
            }
            Event::JobQueued { job, why } => {
                self.enter(*job, State::Queued);
                if let (QueueReason::User | QueueReason::Resumed, Some(view)) =
                    (why, self.jobs.get_mut(job.index()))
                {
                    view.forgiven = view.attempt;
                }
            }
            Event::JobPrioritized { job } => self.prioritize(*job),
            Event::JobStarted { job, attempt } => {
                self.enter(*job, State::Running);
                if let Some(view) = self.jobs.get_mut(job.index()) {
                    view.attempt = *attempt;
                }
            }
            Event::JobPlanned {
                job,
                root,
                manifests,
                blobs,
            } => {
                self.change(*job, |view| {
                    view.root = Some(root.clone());
                    view.manifests.clone_from(manifests);
                    // A retry reads the same manifests again; what was settled stays settled.
                    let known = std::mem::take(&mut view.blobs);
                    view.blobs = blobs
                        .iter()
                        .map(|planned| BlobView {
                            digest: planned.digest.clone(),
                            size: planned.size,
                            kind: planned.kind,
                            media_type: planned.media_type.clone(),
                            state: known
                                .iter()
                                .find(|blob| blob.digest == planned.digest)
                                .map_or(BlobState::Pending, |blob| blob.state.clone()),
                        })
                        .collect();
                });
            }
            Event::BlobWaited { job, digest, owner } => {
                self.change_blob(*job, digest, |state| *state = BlobState::WaitingFor(*owner));
            }
            Event::BlobStarted {
                job,
                digest,
                offset,
            } => {
                self.change_blob(*job, digest, |state| {
                    *state = BlobState::Copying { done: *offset }
                });
            }
            Event::BlobSettled {
                job, digest, how, ..
            } => {
                self.change_blob(*job, digest, |state| {
                    *state = BlobState::Settled(how.clone())
                });
            }
            Event::Progress { blobs } => {
                for blob in blobs {
                    let current = |view: &JobView| {
                        view.attempt == blob.attempt && view.state == State::Running
                    };
                    if self.job(blob.job).is_some_and(current) {
                        self.change_blob(blob.job, &blob.digest, |state| {
                            if let BlobState::Copying { done } = state {
                                *done = blob.done;
                            }
                        });
                    }
                }
            }
            Event::LanesSampled { lanes } => {
                for lane in lanes {
                    self.lanes.insert(lane.registry.clone(), lane.clone());
                }
            }
            Event::JobRetryScheduled {
                job,
                attempt,
                delay_ms,
                cause,
            } => {
                self.enter(*job, State::Waiting { delay: *delay_ms });
                if let Some(view) = self.jobs.get_mut(job.index()) {
                    view.failures.push((*attempt, cause.clone()));
                    // Being asked to wait is no failure of the image.
                    if let FailureClass::Transient {
                        retry_after_ms: Some(_),
                    } = cause.class
                    {
                        view.forgiven.0 = view.forgiven.0.saturating_add(1);
                    }
                }
            }
            Event::Noted { .. } | Event::CommandRefused { .. } => {}
            Event::BatchPaused => self.paused = true,
            Event::BatchResumed => self.paused = false,
            Event::ParallelChanged { images } => self.parallel = *images,
            // The next sample of the lane shows it.
            Event::LimitChanged { .. } => {}
            Event::StopRequested { mode } => {
                self.stopping = match mode {
                    StopMode::Drain | StopMode::Now => Some(*mode),
                    StopMode::Cancel => None,
                };
            }
            Event::BatchFinished { stopped_by } => {
                self.finished = true;
                self.stopped_by = *stopped_by;
            }
        }
    }

    fn finish(&mut self, job: JobId, outcome: &Outcome) {
        let (state, root) = match outcome {
            Outcome::Copied { root } => (State::Copied, Some(root)),
            Outcome::UpToDate { root } => (State::UpToDate, Some(root)),
            Outcome::Failed { .. } => (State::Failed, None),
            Outcome::Skipped { why } => (State::Skipped(*why), None),
        };
        self.enter(job, state);
        if let Some(view) = self.jobs.get_mut(job.index()) {
            if let Some(root) = root {
                view.root = Some(root.clone());
            }
            if let Outcome::Failed { cause } = outcome {
                view.failures.push((view.attempt, cause.clone()));
            }
        }
    }

    fn prioritize(&mut self, job: JobId) {
        self.next_rank -= 1;
        let rank = self.rank.insert(job, self.next_rank).unwrap_or(0);
        if self.queue.remove(&(rank, job)) {
            self.queue.insert((self.next_rank, job));
        }
    }

    /// Moves a job to another state, keeping every index in step.
    fn enter(&mut self, id: JobId, state: State) {
        let Some(view) = self.jobs.get(id.index()) else {
            return;
        };
        let old = view.state.clone();
        self.unindex(id, &old);
        self.index(id, &state);
        self.change(id, |view| {
            // A blob under way belongs to the attempt that just ended.
            if state != State::Running || old != State::Running {
                for blob in &mut view.blobs {
                    if matches!(
                        blob.state,
                        BlobState::Copying { .. } | BlobState::WaitingFor(_)
                    ) {
                        blob.state = BlobState::Pending;
                    }
                }
            }
            view.state = state;
        });
    }

    fn index(&mut self, id: JobId, state: &State) {
        *self.count(state) += 1;
        match state {
            State::Queued => {
                let rank = self.rank.get(&id).copied().unwrap_or(0);
                self.queue.insert((rank, id));
            }
            State::Running => {
                self.running.insert(id);
            }
            State::Waiting { .. } => {
                self.waiting.insert(id);
            }
            State::Failed => {
                self.failed.insert(id);
            }
            State::Copied | State::UpToDate | State::Skipped(_) => {}
        }
    }

    fn unindex(&mut self, id: JobId, state: &State) {
        *self.count(state) -= 1;
        match state {
            State::Queued => {
                let rank = self.rank.get(&id).copied().unwrap_or(0);
                self.queue.remove(&(rank, id));
            }
            State::Running => {
                self.running.remove(&id);
            }
            State::Waiting { .. } => {
                self.waiting.remove(&id);
            }
            State::Failed => {
                self.failed.remove(&id);
            }
            State::Copied | State::UpToDate | State::Skipped(_) => {}
        }
    }

    fn count(&mut self, state: &State) -> &mut usize {
        match state {
            State::Queued => &mut self.counts.queued,
            State::Running => &mut self.counts.running,
            State::Waiting { .. } => &mut self.counts.waiting,
            State::Copied => &mut self.counts.copied,
            State::UpToDate => &mut self.counts.up_to_date,
            State::Failed => &mut self.counts.failed,
            State::Skipped(_) => &mut self.counts.skipped,
        }
    }

    fn change_blob(&mut self, id: JobId, digest: &Digest, change: impl FnOnce(&mut BlobState)) {
        let Some(view) = self.jobs.get_mut(id.index()) else {
            return;
        };
        let Some(blob) = view.blobs.iter_mut().find(|blob| blob.digest == *digest) else {
            return;
        };
        let before = Totals::of_blob(blob);
        change(&mut blob.state);
        let after = Totals::of_blob(blob);
        view.bytes_done = view.bytes_done - before.done + after.done;
        self.totals = self.totals.minus(before).plus(after);
        self.note_held_up(id);
    }

    fn note_held_up(&mut self, id: JobId) {
        if self.job(id).is_some_and(JobView::is_held_up) {
            self.held_up.insert(id);
        } else {
            self.held_up.remove(&id);
        }
    }

    /// Changes a job and brings the sums in step.
    fn change(&mut self, id: JobId, change: impl FnOnce(&mut JobView)) {
        let Some(view) = self.jobs.get_mut(id.index()) else {
            return;
        };
        let before = Totals::of_job(view);
        change(view);
        let after = Totals::of_job(view);
        view.bytes_total = after.planned;
        view.bytes_done = after.done;
        self.totals = self.totals.minus(before).plus(after);
        self.note_held_up(id);
    }
}

impl Totals {
    fn of_blob(blob: &BlobView) -> Self {
        let mut totals = Self {
            planned: blob.size,
            ..Self::default()
        };
        match &blob.state {
            BlobState::Pending | BlobState::WaitingFor(_) => {}
            BlobState::Copying { done } => {
                totals.done = *done;
                totals.in_flight = *done;
            }
            BlobState::Settled(how) => {
                totals.done = blob.size;
                match how {
                    Settled::Present => totals.present = blob.size,
                    Settled::Mounted { .. } => totals.mounted = blob.size,
                    Settled::Copied => totals.copied = blob.size,
                }
            }
        }
        totals
    }

    fn of_job(view: &JobView) -> Self {
        view.blobs
            .iter()
            .map(Self::of_blob)
            .fold(Self::default(), Self::plus)
    }

    fn plus(self, other: Self) -> Self {
        Self {
            planned: self.planned + other.planned,
            done: self.done + other.done,
            copied: self.copied + other.copied,
            mounted: self.mounted + other.mounted,
            present: self.present + other.present,
            in_flight: self.in_flight + other.in_flight,
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            planned: self.planned - other.planned,
            done: self.done - other.done,
            copied: self.copied - other.copied,
            mounted: self.mounted - other.mounted,
            present: self.present - other.present,
            in_flight: self.in_flight - other.in_flight,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{BlobProgress, FailureClass, PlannedBlob, Side};

    const JOB: JobId = JobId(0);
    const OTHER: JobId = JobId(1);

    fn listed(id: JobId) -> Event {
        Event::JobListed {
            job: Job {
                id,
                source: format!("a.example/app:{}", id.0).parse().unwrap(),
                destination: format!("b.example/app:{}", id.0).parse().unwrap(),
                platforms: Vec::new(),
                attachments: Default::default(),
            },
        }
    }

    fn board(events: &[Event]) -> Board {
        let mut board = Board::default();
        for event in [listed(JOB), listed(OTHER)].iter().chain(events) {
            board.apply(event);
        }
        board
    }

    fn layer() -> Digest {
        Digest::of(b"layer")
    }

    fn started(attempt: u16) -> Event {
        Event::JobStarted {
            job: JOB,
            attempt: Attempt(attempt),
        }
    }

    fn planned() -> Event {
        let blob = PlannedBlob {
            digest: layer(),
            size: 9,
            kind: BlobKind::Layer,
            media_type: None,
        };
        Event::JobPlanned {
            job: JOB,
            root: Digest::of(b"root"),
            manifests: Vec::new(),
            blobs: vec![blob],
        }
    }

    fn copying() -> Event {
        Event::BlobStarted {
            job: JOB,
            digest: layer(),
            offset: 0,
        }
    }

    fn progress(done: u64) -> Event {
        let blob = BlobProgress {
            job: JOB,
            attempt: Attempt(1),
            digest: layer(),
            done,
        };
        Event::Progress { blobs: vec![blob] }
    }

    fn settled(how: Settled) -> Event {
        Event::BlobSettled {
            job: JOB,
            digest: layer(),
            bytes: 9,
            how,
        }
    }

    fn retry_later() -> Event {
        let cause = Failure {
            side: Side::Source,
            class: FailureClass::Transient {
                retry_after_ms: None,
            },
            summary: "said 503".into(),
            chain: Vec::new(),
        };
        Event::JobRetryScheduled {
            job: JOB,
            attempt: Attempt(1),
            delay_ms: Millis(10),
            cause,
        }
    }

    #[test]
    fn dropping_progress_changes_nothing_in_the_end() {
        let all = board(&[
            started(1),
            planned(),
            copying(),
            progress(3),
            progress(6),
            settled(Settled::Copied),
        ]);
        let some = board(&[
            started(1),
            planned(),
            copying(),
            progress(6),
            settled(Settled::Copied),
        ]);
        assert_eq!(all.job(JOB), some.job(JOB));
        assert_eq!(all.totals(), some.totals());
        assert_eq!((all.totals().copied, all.totals().in_flight), (9, 0));
    }

    #[test]
    fn a_blob_settled_again_by_a_retry_counts_once() {
        let board = board(&[
            started(1),
            planned(),
            copying(),
            settled(Settled::Copied),
            started(2),
            planned(),
            settled(Settled::Present),
        ]);
        assert_eq!((board.totals().planned, board.totals().done), (9, 9));
    }

    #[test]
    fn bytes_under_way_are_given_back_when_an_attempt_ends() {
        let board = board(&[started(1), planned(), copying(), progress(5), retry_later()]);
        assert_eq!((board.totals().done, board.totals().in_flight), (0, 0));
        assert_eq!(board.job(JOB).unwrap().blobs[0].state, BlobState::Pending);
    }

    #[test]
    fn progress_of_a_given_up_attempt_is_ignored() {
        let board = board(&[
            started(1),
            planned(),
            retry_later(),
            started(2),
            copying(),
            progress(5),
        ]);
        assert_eq!(board.totals().in_flight, 0);
    }

    #[test]
    fn a_prioritized_job_goes_first_and_keeps_its_rank_when_queued_again() {
        let mut board = board(&[Event::JobPrioritized { job: OTHER }]);
        assert_eq!(board.queue().collect::<Vec<_>>(), [OTHER, JOB]);
        board.apply(&Event::JobStarted {
            job: OTHER,
            attempt: Attempt(1),
        });
        board.apply(&Event::JobQueued {
            job: OTHER,
            why: QueueReason::RetryDue,
        });
        assert_eq!(board.queue().collect::<Vec<_>>(), [OTHER, JOB]);
    }

    #[test]
    fn a_job_that_only_waits_for_others_is_held_up_until_its_turn() {
        let mut board = board(&[started(1), planned()]);
        assert_eq!(board.held_up(), 0);
        board.apply(&Event::BlobWaited {
            job: JOB,
            digest: layer(),
            owner: OTHER,
        });
        assert_eq!(board.held_up(), 1);
        board.apply(&copying());
        assert_eq!(board.held_up(), 0);
        board.apply(&Event::BlobWaited {
            job: JOB,
            digest: layer(),
            owner: OTHER,
        });
        board.apply(&retry_later());
        assert_eq!(board.held_up(), 0);
    }

    #[test]
    fn counts_follow_every_state() {
        let mut board = board(&[started(1)]);
        assert_eq!((board.counts().queued, board.counts().running), (1, 1));
        board.apply(&Event::JobFinished {
            job: JOB,
            outcome: Outcome::UpToDate { root: layer() },
        });
        board.apply(&Event::JobFinished {
            job: OTHER,
            outcome: Outcome::Skipped {
                why: SkipReason::User,
            },
        });
        assert_eq!((board.counts().up_to_date, board.counts().skipped), (1, 1));
        assert!(board.all_done());
    }

    #[test]
    fn events_about_unknown_jobs_change_nothing() {
        let mut board = board(&[]);
        board.apply(&Event::JobStarted {
            job: JobId(99),
            attempt: Attempt(1),
        });
        assert_eq!(board.counts().running, 0);
    }

    #[test]
    fn events_read_back_what_they_write() {
        for event in [
            listed(JOB),
            planned(),
            progress(3),
            settled(Settled::Mounted {
                from: "a/b".parse().unwrap(),
            }),
            retry_later(),
        ] {
            let text = serde_json::to_string(&event).unwrap();
            assert_eq!(
                serde_json::from_str::<Event>(&text).unwrap(),
                event,
                "{text}"
            );
        }
    }
}
