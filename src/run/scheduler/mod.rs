//! What follows from one input: pure functions of the board.
//!
//! Decides retries, refusals and stops; `admission` decides which images may start. Carries out nothing, so every
//! rule can be tested without a clock or a network. Invariant: a late message of an earlier attempt decides nothing.

mod admission;
mod decision;
mod group_release;
mod retry_policy;
#[cfg(test)]
mod tests;

use crate::{
    batch::{
        Attempt, Board, Command, CommandRefusal, Event, Failure, FailureClass, JobId, JobView,
        Millis, Outcome, QueueReason, RegistryLimit, Selection, SkipReason, State, StopMode,
        StopReason,
    },
    oci::{Digest, Store},
};

pub(super) use admission::admit;
pub(super) use decision::Decision;
pub(super) use group_release::release;
pub use retry_policy::RetryPolicy;

/// What the dispatcher asks the scheduler about.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Input {
    Command(Command),
    /// A worker ended.
    Ended(JobId, Attempt, Outcome),
    /// A worker's preflight found something to copy.
    PreflightDone(JobId, Attempt),
    /// A worker left the image at its destination, without its tag.
    Staged(JobId, Attempt, Digest),
    /// The wait before the next attempt is over.
    RetryDue(JobId, Attempt),
    /// The operator pressed Ctrl-C where no front end reads keys.
    Interrupted,
    /// The process was asked to end: SIGTERM, or SIGHUP when the terminal is gone.
    Terminated,
    JournalLost,
}

pub(super) fn decide(board: &Board, input: Input, policy: &RetryPolicy) -> Vec<Decision> {
    match input {
        Input::Command(command) => handle_command(board, command),
        Input::Ended(job, attempt, outcome) => match current(board, job, attempt) {
            Some(view) if view.state == State::Running => ended(board, view, outcome, policy),
            _ => Vec::new(),
        },
        Input::PreflightDone(job, attempt) => match current(board, job, attempt) {
            Some(view) if view.state == State::Running => {
                vec![Decision::Emit(Event::JobQueued {
                    job,
                    why: QueueReason::Planned,
                })]
            }
            _ => Vec::new(),
        },
        Input::Staged(job, attempt, root) => match current(board, job, attempt) {
            Some(view) if view.state == State::Running => {
                vec![Decision::Emit(Event::JobStaged { job, root })]
            }
            _ => Vec::new(),
        },
        Input::RetryDue(job, attempt) => match current(board, job, attempt) {
            Some(view) if matches!(view.state, State::Waiting { .. }) => {
                vec![Decision::Emit(Event::JobQueued {
                    job,
                    why: QueueReason::RetryDue,
                })]
            }
            _ => Vec::new(),
        },
        Input::Interrupted => match board.stopping {
            None => stop(board, StopMode::Drain, StopReason::Signal),
            Some(_) => stop(board, StopMode::Now, StopReason::Signal),
        },
        Input::Terminated => stop(board, StopMode::Now, StopReason::Signal),
        Input::JournalLost => stop(board, StopMode::Now, StopReason::JournalLost),
    }
}

fn current(board: &Board, job: JobId, attempt: Attempt) -> Option<&JobView> {
    board.job(job).filter(|view| view.attempt == attempt)
}

fn ended(board: &Board, view: &JobView, outcome: Outcome, policy: &RetryPolicy) -> Vec<Decision> {
    let job = view.job.id;
    if let Outcome::Failed { cause } = &outcome
        && let FailureClass::Transient { retry_after_ms } = cause.class
        && may_try_again(view, retry_after_ms, policy)
    {
        // Another tag of the group has failed since, so this one is not written either.
        if group_release::is_held(board, view)
            && let Some(staged) = group_release::stage_again(view)
        {
            return vec![staged];
        }
        let asked = retry_after_ms.map(Into::into);
        let delay = policy.delay(job, view.tries(), asked);
        return vec![
            Decision::Emit(Event::JobRetryScheduled {
                job,
                attempt: view.attempt,
                delay_ms: delay.into(),
                cause: Failure::clone(cause),
            }),
            Decision::WakeAt(job, view.attempt, delay),
        ];
    }
    let mut decisions = match outcome {
        Outcome::Failed { .. } => group_release::hold_back(board, view),
        Outcome::Copied { .. } | Outcome::UpToDate { .. } | Outcome::Skipped { .. } => Vec::new(),
    };
    decisions.push(Decision::Emit(Event::JobFinished { job, outcome }));
    decisions
}

/// An attempt that ended because a registry asked to wait counts as a deferral, not as a failed attempt.
fn may_try_again(view: &JobView, asked: Option<Millis>, policy: &RetryPolicy) -> bool {
    match asked {
        None => view.tries() < policy.attempts,
        Some(_) => {
            let budget = &view.retry_budget;
            retry_policy::may_defer(budget.deferrals, budget.deferred.into())
        }
    }
}

fn handle_command(board: &Board, command: Command) -> Vec<Decision> {
    if board.finished {
        return vec![refuse(command, CommandRefusal::BatchFinished)];
    }
    let decisions = match &command {
        Command::Retry { jobs } => each(board, jobs, |view| match view.state {
            State::Failed | State::Waiting { .. } => vec![queue_again(view)],
            _ => Vec::new(),
        }),
        Command::Skip { jobs } => each(board, jobs, |view| {
            let job = view.job.id;
            let skipped = Outcome::Skipped {
                why: SkipReason::User,
            };
            let finished = Decision::Emit(Event::JobFinished {
                job,
                outcome: skipped,
            });
            match view.state {
                State::Running => vec![Decision::Cancel(job), finished],
                State::Queued | State::Waiting { .. } | State::Staged { .. } | State::Failed => {
                    vec![finished]
                }
                State::Copied | State::UpToDate | State::Skipped(_) => Vec::new(),
            }
        }),
        Command::Unskip { jobs } => each(board, jobs, |view| match view.state {
            State::Skipped(_) => vec![queue_again(view)],
            _ => Vec::new(),
        }),
        // The last one prioritized goes first, so the selection keeps its own order.
        Command::Prioritize { jobs } => {
            let mut decisions = each(board, jobs, |view| match view.state {
                State::Queued => vec![Decision::Emit(Event::JobPrioritized { job: view.job.id })],
                _ => Vec::new(),
            });
            decisions.reverse();
            decisions
        }
        Command::Begin if board.is_reviewing() => vec![Decision::Emit(Event::ReviewEnded)],
        Command::Pause if !board.paused => vec![Decision::Emit(Event::BatchPaused)],
        Command::Resume if board.paused => vec![Decision::Emit(Event::BatchResumed)],
        Command::SetParallel { images } if *images > 0 && *images != board.parallel => {
            vec![Decision::Emit(Event::ParallelChanged { images: *images })]
        }
        Command::Begin | Command::Pause | Command::Resume | Command::SetParallel { .. } => {
            Vec::new()
        }
        Command::SetLimit { registry, limit } => set_limit(board, registry, *limit),
        Command::Stop { mode } => stop(board, *mode, StopReason::User),
    };
    if decisions.is_empty() {
        return vec![refuse(command, CommandRefusal::NothingToDo)];
    }
    decisions
}

fn set_limit(board: &Board, registry: &Store, limit: RegistryLimit) -> Vec<Decision> {
    let is_used = || {
        board.registries.contains_key(registry)
            || board.jobs().iter().any(|view| {
                view.job.spec.source.is_in(registry) || view.job.spec.destination.is_in(registry)
            })
    };
    if limit.is_zero() || !is_used() {
        return Vec::new();
    }
    vec![
        Decision::SetLimit(registry.clone(), limit),
        Decision::Emit(Event::LimitChanged {
            registry: registry.clone(),
            limit,
        }),
    ]
}

fn each(
    board: &Board,
    jobs: &Selection,
    decide: impl Fn(&JobView) -> Vec<Decision>,
) -> Vec<Decision> {
    board
        .members(jobs)
        .into_iter()
        .filter_map(|job| board.job(job))
        .flat_map(decide)
        .collect()
}

fn queue_again(view: &JobView) -> Decision {
    Decision::Emit(Event::JobQueued {
        job: view.job.id,
        why: QueueReason::User,
    })
}

fn refuse(command: Command, why: CommandRefusal) -> Decision {
    Decision::Emit(Event::CommandRefused { command, why })
}

fn stop(board: &Board, mode: StopMode, reason: StopReason) -> Vec<Decision> {
    if board.stopping == Some(mode) || (mode == StopMode::Cancel && board.stopping.is_none()) {
        return Vec::new();
    }
    let mut decisions = vec![Decision::Emit(Event::StopRequested { mode })];
    if mode == StopMode::Now {
        for job in board.running() {
            decisions.push(Decision::Cancel(job));
            decisions.push(Decision::Emit(Event::JobQueued {
                job,
                why: QueueReason::Stopped,
            }));
        }
    }
    if mode != StopMode::Cancel {
        decisions.push(Decision::End(reason));
    }
    decisions
}
