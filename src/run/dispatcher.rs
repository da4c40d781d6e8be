//! The loop: takes commands, workers' messages, timers and signals one at a time and carries out what the scheduler
//! decides.
//!
//! Invariant: events are emitted here and nowhere else; each goes to the journal, the board and the observers, in
//! that order, before the next input is handled.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
    task::{AbortHandle, JoinSet},
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

use super::{
    Batch, Inputs, Observer, Options, Review, Signal,
    engines::Engines,
    finishing::Finishing,
    held_groups::HeldGroups,
    in_flight::InFlight,
    last_write,
    scheduler::{Decision, Input, admit, decide, release},
    skopeo_engine::SkopeoEngine,
    worker::{self, MessageBody, Task, WorkerMessage},
};
use crate::{
    batch::{
        Attempt, Board, Event, EventClock, JobId, JobView, RegistryStatus, State, StopMode,
        StopReason, TimedEvent,
    },
    copy::{Engine, Report},
    journal::{JournalError, Obstacle, Recorder},
    transport::{Completion, Finished},
};

/// How often byte counts are sampled into one event.
const SAMPLE: Duration = Duration::from_millis(100);
/// Registries are sampled with every fifth sample of bytes.
const REGISTRIES_EVERY: u32 = 5;
/// Observers' `tick` is called with every tenth.
const TICK_EVERY: u32 = 10;

pub struct Dispatcher {
    board: Board,
    clock: EventClock,
    engines: Engines,
    journal: Recorder,
    observers: Vec<Box<dyn Observer>>,
    options: Options,
    message_sender: UnboundedSender<WorkerMessage>,
    messages: UnboundedReceiver<WorkerMessage>,
    workers: JoinSet<()>,
    handles: BTreeMap<JobId, AbortHandle>,
    timers: BinaryHeap<Reverse<(Instant, JobId, Attempt)>>,
    in_flight: InFlight,
    finishing: Finishing,
    held_groups: HeldGroups,
    /// Why the batch ends before every image has, once nothing runs.
    ending: Option<StopReason>,
}

impl Dispatcher {
    #[must_use]
    pub fn new(
        engine: Arc<Engine>,
        journal: Recorder,
        observers: Vec<Box<dyn Observer>>,
        options: Options,
    ) -> Self {
        let (message_sender, messages) = mpsc::unbounded_channel();
        Self {
            board: Board::default(),
            clock: EventClock::start(),
            engines: Engines {
                native: engine,
                skopeo: None,
            },
            journal,
            observers,
            options,
            message_sender,
            messages,
            workers: JoinSet::new(),
            handles: BTreeMap::new(),
            timers: BinaryHeap::new(),
            in_flight: InFlight::default(),
            finishing: Finishing::default(),
            held_groups: HeldGroups::default(),
            ending: None,
        }
    }

    /// Copies with skopeo the images whose engine it is.
    #[must_use]
    pub fn with_skopeo(mut self, skopeo: Option<Arc<SkopeoEngine>>) -> Self {
        self.engines.skopeo = skopeo;
        self
    }

    /// Runs the batch to its end and returns the board as it then is.
    ///
    /// # Errors
    /// When the journal could not keep up to the end; the board is what happened all the same.
    pub async fn run(
        mut self,
        batch: Batch,
        mut inputs: Inputs,
    ) -> (Board, Result<(), JournalError>) {
        self.emit_jobs(batch);
        let mut samples = interval(SAMPLE);
        samples.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut sampled = 0;
        let journal_lost = self.journal.lost();
        let mut journal_waits = self.journal.waits();
        tokio::pin!(journal_lost);
        let mut recording = true;
        loop {
            self.release_groups();
            self.finish_stores();
            if self.is_over() {
                break;
            }
            self.start_admitted();
            let due = self.timers.peek().map(|Reverse((due, ..))| *due);
            let input = tokio::select! {
                Some(command) = inputs.commands.recv() => Some(Input::Command(command)),
                Some(signal) = inputs.signals.recv() => Some(match signal {
                    Signal::Interrupt => Input::Interrupted,
                    Signal::Terminate => Input::Terminated,
                }),
                Some(message) = self.messages.recv() => self.handle_worker_message(message),
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.next_due(),
                lost = &mut journal_lost, if recording => {
                    recording = false;
                    self.note(format!("results can no longer be recorded: failed to {}", lost.chain()));
                    Some(Input::JournalLost)
                }
                wait = journal_waits.next() => {
                    self.note_wait(wait);
                    None
                }
                _ = samples.tick() => {
                    sampled += 1;
                    self.sample(sampled);
                    None
                }
                Some(_) = self.workers.join_next() => None,
                finished = self.finishing.ended(), if self.finishing.is_running() => {
                    self.note_finished(finished);
                    None
                }
            };
            if let Some(input) = input {
                for decision in decide(&self.board, input, &self.options.policy) {
                    self.carry_out_decision(decision);
                }
            }
        }
        self.workers.shutdown().await;
        let (written, ending) = (self.journal.flush(), self.ending);
        let on_wait = |wait| self.note_wait(wait);
        let is_written =
            last_write::flush(written, &mut journal_waits, &mut inputs, ending, on_wait).await;
        let reviewed = self.is_reviewed().then_some(StopReason::Reviewed);
        let stopped_by = self.ending.or(reviewed);
        let unfinished = self.finishing.error.is_some();
        let stopped_by = stopped_by
            .filter(|_| !self.board.all_done())
            .or(unfinished.then_some(StopReason::Unfinished));
        self.emit(Event::BatchFinished { stopped_by });
        let closed = match is_written {
            true => last_write::close(self.journal, &mut journal_waits, &mut inputs).await,
            false => Err(JournalError::Abandoned),
        };
        // Last: a process killed while this waits loses nothing.
        self.engines.native.cancel_uploads().await;
        (self.board, closed)
    }

    fn note_wait(&mut self, wait: Option<Obstacle>) {
        self.note(match wait {
            Some(obstacle) => {
                format!("{obstacle}; waiting up to 10 min, results are kept in memory")
            }
            None => "the journal works again; results are written".into(),
        });
    }

    fn note(&mut self, text: String) {
        self.emit(Event::Noted { job: None, text });
    }

    fn emit_jobs(&mut self, batch: Batch) {
        self.emit(Event::BatchStarted {
            batch: self.journal.batch().clone(),
            list: batch.list,
            jobs: u32::try_from(batch.jobs.len()).unwrap_or(u32::MAX),
            parallel: self.options.parallel.max(1),
            resumed: batch.restored.is_some(),
        });
        for job in batch.jobs {
            self.emit(Event::JobListed { job: Box::new(job) });
        }
        for (job, outcome) in batch.restored.into_iter().flatten() {
            self.emit(Event::JobRestored { job, outcome });
        }
        for (job, root) in batch.staged {
            self.emit(Event::JobStaged { job, root });
        }
        for (job, text) in batch.notes {
            self.emit(Event::Noted { job, text });
        }
        if self.options.review != Review::None {
            self.emit(Event::ReviewStarted);
        }
    }

    /// Whether the batch ends: nothing runs, and everything is done or the batch was stopped.
    fn is_over(&self) -> bool {
        let idle = self.board.counts().running == 0;
        let stopped = self.ending.is_some() && self.board.stopping.is_some();
        let done = self.board.all_done() && !self.options.stay;
        let over = stopped || done || self.is_reviewed();
        idle && over && !self.finishing.is_running()
    }

    /// Lets the tags of complete groups be written, and notes once which groups wait for failed images.
    fn release_groups(&mut self) {
        for decision in release(&self.board) {
            self.carry_out_decision(decision);
        }
        for note in self.held_groups.new_notes(&self.board) {
            self.note(note);
        }
    }

    /// Packs archives and loads daemons once nothing is left to copy.
    fn finish_stores(&mut self) {
        if self.board.is_reviewing() || self.options.review == Review::Only {
            return;
        }
        let is_last = !self.options.stay || self.ending.is_some();
        let started = (self.finishing).start_if_due(
            &self.board,
            &self.engines.native,
            &self.journal,
            is_last,
        );
        for store in started {
            self.note(format!("{store} is being written"));
        }
        for store in self.finishing.held_back(&self.board, &self.engines.native) {
            self.note(format!(
                "{store} is not written yet, because images failed: retry or skip them, or quit"
            ));
        }
    }

    fn note_finished(&mut self, finished: Vec<Finished>) {
        for Finished { store, result } in finished {
            match result {
                Ok(Completion::Written) => self.note(format!("{store} is written")),
                Ok(Completion::Kept(why)) => {
                    self.note(format!("{store} is not written yet: {why}"))
                }
                Err(error) => {
                    self.note(format!(
                        "{store} is not written: the destination {error}; resuming the batch tries again"
                    ));
                    self.finishing.error = Some(error);
                }
            }
        }
    }

    /// Whether the plan is complete and nothing else was asked for.
    fn is_reviewed(&self) -> bool {
        self.options.review == Review::Only && self.board.without_preflight() == 0
    }

    fn start_admitted(&mut self) {
        let is_reviewing = self.board.is_reviewing();
        for id in admit(&self.board) {
            let Some(view) = self.board.job(id) else {
                continue;
            };
            let task = match &view.staged {
                Some(root) => Task::Tag(root.clone()),
                None if is_reviewing => Task::Preflight,
                None => Task::Copy,
            };
            let attempt = Attempt(view.attempt.0.saturating_add(1));
            let handle = worker::start(
                &mut self.workers,
                &self.engines,
                &view.job,
                attempt,
                task,
                &self.message_sender,
            );
            self.handles.insert(id, handle);
            self.finishing.image_started();
            self.emit(Event::JobStarted { job: id, attempt });
        }
    }

    /// Emits what a worker reports; its end is an input of the scheduler.
    fn handle_worker_message(
        &mut self,
        WorkerMessage { job, attempt, body }: WorkerMessage,
    ) -> Option<Input> {
        let current = |view: &JobView| view.attempt == attempt && view.state == State::Running;
        if !self.board.job(job).is_some_and(current) {
            return None;
        }
        match body {
            MessageBody::Ended(outcome) => {
                self.handles.remove(&job);
                self.in_flight.remove_job(job);
                return Some(Input::Ended(job, attempt, outcome));
            }
            MessageBody::Staged(root) => {
                self.handles.remove(&job);
                self.in_flight.remove_job(job);
                return Some(Input::Staged(job, attempt, root));
            }
            MessageBody::PreflightDone => {
                self.handles.remove(&job);
                return Some(Input::PreflightDone(job, attempt));
            }
            MessageBody::Report(report) => {
                self.handle_report(job, attempt, report);
            }
        }
        None
    }

    /// Emits what the engine reports; the byte counter in it stays here.
    fn handle_report(&mut self, job: JobId, attempt: Attempt, report: Report) {
        let event = match report {
            Report::Method(method) => {
                let view = self.board.job(job);
                if view.is_some_and(|view| view.method.as_ref() == Some(&method)) {
                    return;
                }
                Event::MethodSelected { job, method }
            }
            Report::Planned {
                root,
                manifests,
                blobs,
                replaces,
            } => Event::JobPlanned {
                job,
                root,
                manifests,
                blobs: blobs.to_vec(),
                replaces,
            },
            Report::Waiting { digest, owner } => Event::BlobWaited { job, digest, owner },
            Report::Started {
                digest,
                offset,
                counter,
            } => {
                (self.in_flight).start(job, attempt, digest.clone(), counter, offset);
                Event::BlobStarted {
                    job,
                    digest,
                    offset,
                }
            }
            Report::Settled { digest, bytes, how } => {
                self.in_flight.settle(job, &digest);
                Event::BlobSettled {
                    job,
                    digest,
                    bytes,
                    how,
                }
            }
            Report::Noted(text) => Event::Noted {
                job: Some(job),
                text,
            },
        };
        self.emit(event);
    }

    fn next_due(&mut self) -> Option<Input> {
        let Reverse((_, job, attempt)) = self.timers.pop()?;
        Some(Input::RetryDue(job, attempt))
    }

    fn carry_out_decision(&mut self, decision: Decision) {
        match decision {
            Decision::Emit(event) => {
                if let Event::StopRequested {
                    mode: StopMode::Cancel,
                } = event
                {
                    self.ending = None;
                }
                self.emit(event);
            }
            Decision::Cancel(job) => {
                if let Some(handle) = self.handles.remove(&job) {
                    handle.abort();
                }
                self.in_flight.remove_job(job);
            }
            Decision::WakeAt(job, attempt, delay) => {
                self.timers
                    .push(Reverse((Instant::now() + delay, job, attempt)));
            }
            Decision::SetLimit(registry, limit) => {
                self.engines.native.set_limit(&registry, limit);
            }
            Decision::End(reason) => self.ending = Some(reason),
        }
    }

    /// Emits how far blobs are that moved since the last sample; less often, the status of registries.
    fn sample(&mut self, count: u32) {
        let blobs = self.in_flight.sample();
        if !blobs.is_empty() {
            self.emit(Event::Progress { blobs });
        }
        if count.is_multiple_of(REGISTRIES_EVERY) {
            self.sample_registries();
        }
        if count.is_multiple_of(TICK_EVERY) {
            let now = self.clock.now();
            for observer in &mut self.observers {
                observer.tick(now, &self.board);
            }
        }
    }

    /// Emits the status of registries that changed, and probes those that are down: no image is started for them,
    /// and one request at a time finds out whether they are back.
    fn sample_registries(&mut self) {
        for client in self.engines.native.to_probe() {
            self.workers.spawn(async move { client.probe().await });
        }
        let registries: Vec<RegistryStatus> = self
            .engines
            .native
            .registries()
            .into_iter()
            .filter(|status| self.board.registries.get(&status.registry) != Some(status))
            .collect();
        if !registries.is_empty() {
            self.emit(Event::RegistriesSampled { registries });
        }
    }

    fn emit(&mut self, event: Event) {
        let at = self.clock.now();
        self.journal.record(&event, at);
        self.board.apply(&event);
        let event = Arc::new(TimedEvent { at, event });
        for observer in &mut self.observers {
            observer.apply(&event, &self.board);
        }
    }
}
