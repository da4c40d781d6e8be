//! The fold of a batch's events: who is where, and what is left to do.
//!
//! Decides how an event changes state, not what should happen next. Invariant: whatever the scheduler or a frame
//! asks often is answered from an index, never by a pass over all jobs.

mod blob_view;
mod detail_limit;
mod groups;
mod job_view;
mod queue;
mod retry_budget;
mod state;
mod state_counts;
mod totals;

use std::collections::{BTreeMap, BTreeSet};

pub use blob_view::{BlobState, BlobView};
pub use groups::Group;
pub use job_view::JobView;
pub use retry_budget::RetryBudget;
pub use state::{Preflight, State};
pub use state_counts::StateCounts;
pub use totals::Totals;

use self::{
    blob_view::OpenBlobs,
    detail_limit::DetailLimit,
    groups::{Groups, Part},
    queue::Queue,
};
use super::{
    Attempt, BatchId, Event, FailureClass, HeldGroup, JobId, Outcome, QueueReason, RegistryStatus,
    Selection, StopMode, StopReason,
};
use crate::oci::{Digest, GroupName, Store};

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
    pub registries: BTreeMap<Store, RegistryStatus>,
    jobs: Vec<JobView>,
    counts: StateCounts,
    totals: Totals,
    queue: Queue,
    running: BTreeSet<JobId>,
    /// Of those running, the ones that can only wait for other jobs' uploads.
    blocked: BTreeSet<JobId>,
    waiting: BTreeSet<JobId>,
    failed: BTreeSet<JobId>,
    groups: Groups,
    detail_limit: DetailLimit,
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

    /// Queued jobs in the order they should start; while a review goes on, those without a preflight.
    pub fn queue(&self) -> impl Iterator<Item = JobId> + '_ {
        self.queue.iter()
    }

    /// Whether attempts are preflights, until the operator has seen the plan.
    #[must_use]
    pub fn is_reviewing(&self) -> bool {
        self.queue.is_reviewing()
    }

    /// How many queued jobs have a preflight.
    #[must_use]
    pub fn planned(&self) -> usize {
        self.queue.planned()
    }

    /// How many jobs that have not ended lack a preflight.
    #[must_use]
    pub fn without_preflight(&self) -> usize {
        self.counts.queued - self.planned() + self.counts.running + self.counts.waiting
    }

    pub fn running(&self) -> impl Iterator<Item = JobId> + '_ {
        self.running.iter().copied()
    }

    /// How many running jobs can only wait for other jobs' uploads.
    #[must_use]
    pub fn blocked(&self) -> usize {
        self.blocked.len()
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

    /// Whether every job has ended, or is staged and waits for one of its group that failed.
    #[must_use]
    pub fn all_done(&self) -> bool {
        let open = self.counts.queued + self.counts.running + self.counts.waiting;
        open == 0 && self.complete_groups().next().is_none()
    }

    #[must_use]
    pub fn group(&self, name: &GroupName) -> Option<&Group> {
        self.groups.get(name)
    }

    /// Groups with staged jobs of which no other is open or has failed.
    pub fn complete_groups(&self) -> impl Iterator<Item = &GroupName> {
        self.groups.complete()
    }

    /// Groups whose staged jobs wait for failed ones alone.
    pub fn held_groups(&self) -> impl Iterator<Item = HeldGroup> + '_ {
        self.groups.held()
    }

    /// Applies one event. Events about jobs that were never listed change nothing.
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
                    self.jobs.push(JobView::new((**job).clone()));
                    self.index(job.id, &State::Queued);
                    if let Some(group) = &job.spec.group {
                        self.groups.add(group, job.id, Part::Open);
                    }
                }
            }
            Event::JobRestored { job, outcome } | Event::JobFinished { job, outcome } => {
                self.finish(*job, outcome);
            }
            Event::ReviewStarted => self.queue.start_review(),
            Event::ReviewEnded => self.queue.end_review(),
            Event::JobQueued { job, why } => {
                self.enter(*job, State::Queued, |preflight| match why {
                    QueueReason::Planned => Preflight::Done,
                    _ => preflight.interrupted(),
                });
                if *why == QueueReason::Released {
                    self.queue.prioritize(*job);
                }
                if let Some(view) = self.jobs.get_mut(job.index()) {
                    match why {
                        QueueReason::User | QueueReason::Resumed => view.renew_budget(),
                        QueueReason::Planned => {
                            view.attempt = Attempt(view.attempt.0.saturating_sub(1));
                            view.renew_budget();
                        }
                        QueueReason::Listed
                        | QueueReason::RetryDue
                        | QueueReason::Stopped
                        | QueueReason::Released => {}
                    }
                }
            }
            Event::JobPrioritized { job } => self.queue.prioritize(*job),
            Event::JobStaged { job, root } => {
                let is_new = self.job(*job).is_some_and(|view| view.staged.is_none());
                let state = State::Staged { root: root.clone() };
                self.enter(*job, state, |_| Preflight::NotStarted);
                if let Some(view) = self.jobs.get_mut(job.index()).filter(|_| is_new) {
                    view.root = Some(root.clone());
                    // Staging does not count: the attempt at the tag has the same number.
                    view.attempt = Attempt(view.attempt.0.saturating_sub(1));
                    view.renew_budget();
                    self.limit_detail(*job);
                }
            }
            Event::JobStarted { job, attempt } => {
                let reviewing = self.is_reviewing();
                self.enter(*job, State::Running, |preflight| match reviewing {
                    true => Preflight::Running,
                    false => preflight,
                });
                if let Some(view) = self.jobs.get_mut(job.index()) {
                    view.attempt = *attempt;
                }
            }
            Event::MethodSelected { job, method } => {
                if let Some(view) = self.jobs.get_mut(job.index()) {
                    view.method = Some(method.clone());
                }
            }
            Event::JobPlanned {
                job,
                root,
                manifests,
                blobs,
                replaces,
            } => {
                self.change(*job, |view| {
                    view.root = Some(root.clone());
                    view.replaces.clone_from(replaces);
                    view.manifests.clone_from(manifests);
                    // A retry reads the same manifests again; what was settled stays settled.
                    let known = |digest| view.position(digest).map(|at| &view.blobs[at]);
                    let blobs = blobs
                        .iter()
                        .map(|planned| BlobView {
                            digest: planned.digest.clone(),
                            size: planned.size,
                            kind: planned.kind,
                            media_type: planned.media_type.clone(),
                            state: known(&planned.digest)
                                .map_or(BlobState::Pending, |blob| blob.state.clone()),
                        })
                        .collect();
                    view.set_blobs(blobs);
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
            Event::RegistriesSampled { registries } => {
                for status in registries {
                    self.registries
                        .insert(status.registry.clone(), status.clone());
                }
            }
            Event::JobRetryScheduled {
                job,
                attempt,
                delay_ms,
                cause,
            } => {
                self.enter(
                    *job,
                    State::Waiting { delay: *delay_ms },
                    Preflight::interrupted,
                );
                if let Some(view) = self.jobs.get_mut(job.index()) {
                    view.failures.push((*attempt, cause.clone()));
                    if let FailureClass::Transient {
                        retry_after_ms: Some(_),
                    } = cause.class
                    {
                        view.retry_budget.defer(*delay_ms);
                    }
                }
            }
            Event::Noted { .. } | Event::CommandRefused { .. } => {}
            Event::BatchPaused => self.paused = true,
            Event::BatchResumed => self.paused = false,
            Event::ParallelChanged { images } => self.parallel = *images,
            // The next sample of the status shows it.
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
            Outcome::Skipped { why } => (State::Skipped(why.clone()), None),
        };
        let is_limited = self.job(job).is_some_and(|view| view.staged.is_some());
        self.enter(job, state, Preflight::interrupted);
        if let Some(view) = self.jobs.get_mut(job.index()) {
            if let Some(root) = root {
                view.root = Some(root.clone());
            }
            if let Outcome::Failed { cause } = outcome {
                view.failures.push((view.attempt, cause.clone()));
            }
        }
        if !is_limited {
            self.limit_detail(job);
        }
    }

    /// Counts the blobs of a job that needs them no longer, and drops those of the first such job if there are too many.
    fn limit_detail(&mut self, job: JobId) {
        if let Some(view) = self.job(job)
            && !view.blobs.is_empty()
        {
            let blobs = view.blobs.len();
            self.detail_limit.add(job, blobs);
        }
        while let Some(first) = self.detail_limit.next_over() {
            let view = self.jobs.get_mut(first.index());
            if let Some(view) = view.filter(|view| view.is_done() || view.staged.is_some()) {
                view.drop_blobs();
            }
        }
    }

    /// Moves a job to another state and updates every index.
    fn enter(&mut self, id: JobId, state: State, preflight: impl FnOnce(Preflight) -> Preflight) {
        let Some(view) = self.jobs.get(id.index()) else {
            return;
        };
        let (old, part) = (view.state.clone(), Part::of(view));
        self.unindex(id, &old);
        if let Some(view) = self.jobs.get_mut(id.index()) {
            view.preflight = preflight(view.preflight);
        }
        self.index(id, &state);
        self.change(id, |view| {
            // A blob in flight belongs to the attempt that just ended.
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
            match &state {
                State::Queued | State::Running | State::Waiting { .. } => {}
                State::Staged { root } => view.staged = Some(root.clone()),
                State::Copied | State::UpToDate | State::Failed | State::Skipped(_) => {
                    view.staged = None;
                }
            }
            view.state = state;
        });
        if let Some(view) = self.jobs.get(id.index())
            && let Some(group) = &view.job.spec.group
        {
            self.groups.change(group, id, part, Part::of(view));
        }
    }

    fn index(&mut self, id: JobId, state: &State) {
        *self.counts.of(state) += 1;
        match state {
            State::Queued => self.queue.insert(id, self.has_preflight(id)),
            State::Running => {
                self.running.insert(id);
            }
            State::Waiting { .. } => {
                self.waiting.insert(id);
            }
            State::Failed => {
                self.failed.insert(id);
            }
            State::Staged { .. } | State::Copied | State::UpToDate | State::Skipped(_) => {}
        }
    }

    fn unindex(&mut self, id: JobId, state: &State) {
        *self.counts.of(state) -= 1;
        match state {
            State::Queued => self.queue.remove(id, self.has_preflight(id)),
            State::Running => {
                self.running.remove(&id);
            }
            State::Waiting { .. } => {
                self.waiting.remove(&id);
            }
            State::Failed => {
                self.failed.remove(&id);
            }
            State::Staged { .. } | State::Copied | State::UpToDate | State::Skipped(_) => {}
        }
    }

    fn has_preflight(&self, id: JobId) -> bool {
        self.job(id)
            .is_some_and(|view| view.preflight == Preflight::Done)
    }

    fn change_blob(&mut self, id: JobId, digest: &Digest, change: impl FnOnce(&mut BlobState)) {
        let Some(view) = self.jobs.get_mut(id.index()) else {
            return;
        };
        let Some(at) = view.position(digest) else {
            return;
        };
        let blob = &mut view.blobs[at];
        let before = Totals::of_blob(blob);
        let was_open = OpenBlobs::of(&blob.state);
        change(&mut blob.state);
        let after = Totals::of_blob(blob);
        let open = view.open.minus(was_open);
        view.open = open.plus(OpenBlobs::of(&blob.state));
        view.bytes_done = view.bytes_done - before.done + after.done;
        self.totals = self.totals.minus(before).plus(after);
        self.update_blocked(id);
    }

    fn update_blocked(&mut self, id: JobId) {
        if self.job(id).is_some_and(JobView::is_blocked) {
            self.blocked.insert(id);
        } else {
            self.blocked.remove(&id);
        }
    }

    /// Changes a job and updates the sums.
    fn change(&mut self, id: JobId, change: impl FnOnce(&mut JobView)) {
        let Some(view) = self.jobs.get_mut(id.index()) else {
            return;
        };
        let before = view.totals();
        change(view);
        view.count_open();
        let after = view.totals();
        view.bytes_total = after.planned;
        view.bytes_done = after.done;
        self.totals = self.totals.minus(before).plus(after);
        self.update_blocked(id);
    }
}

#[cfg(test)]
mod tests;
