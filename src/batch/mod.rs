//! The vocabulary of a batch: jobs, events, commands, failures, and the board that folds events.
//!
//! Decides what can happen to a batch and how it is named, not when it happens. Journal, front ends and the NDJSON
//! stream see the same events. Invariant: a [`Board`] is a function of the events applied to it, and dropping samples
//! does not change its final state.

mod batch_plan;
mod batch_result;
mod board;
mod command;
mod event;
mod event_clock;
mod failure_class;
mod held_group;
mod job;
mod registry_status;
mod speed_meter;
mod stats;
mod store_usage;

pub use batch_plan::{Amounts, LargeLayer, Plan};
pub use batch_result::BatchResult;
pub use board::{
    BlobState, BlobView, Board, Group, JobView, Preflight, RetryBudget, State, StateCounts, Totals,
};
pub use command::{Command, CommandRefusal, Selection, StopMode};
pub use event::{
    BlobProgress, Event, Outcome, PlannedBlob, PlannedManifest, QueueReason, Settled, SkipReason,
    StopReason, TimedEvent,
};
pub use event_clock::EventClock;
pub use failure_class::{Failure, FailureClass, Side};
pub use held_group::HeldGroup;
pub use job::{Attempt, BatchId, BlobKind, Job, JobId, Millis};
pub use registry_status::{Budget, Rationed, RegistryLimit, RegistryStatus, UploadMode};
pub use speed_meter::SpeedMeter;
pub use stats::Stats;
pub use store_usage::{AnswerTimes, RequestCount, RequestCounts, StoreUsage};
