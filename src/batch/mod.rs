//! The vocabulary of a batch: jobs, events, commands, failures, and the board that folds events.
//!
//! Decides what can happen to a batch and what each thing is called; causes nothing itself. Events are
//! the only way truth travels: journal, front ends and the NDJSON stream all see the same ones.
//! Invariant: a [`Board`] is a function of the events applied to it, and byte progress may be dropped
//! without changing where it ends up.

mod board;
mod command;
mod event;
mod failure;
mod job;
mod lane;
mod plan;
mod verdict;

pub use board::{BlobState, BlobView, Board, JobView, State, StateCounts, Survey, Totals};
pub use command::{Command, Refusal, Selection, StopMode};
pub use event::{
    BlobProgress, Event, Outcome, PlannedBlob, PlannedManifest, QueueReason, Settled, SkipReason,
    StopReason,
};
pub use failure::{Failure, FailureClass, Side};
pub use job::{Attempt, BatchId, BlobKind, Job, JobId, Millis};
pub use lane::{Budget, LaneLimit, LaneState, Rationed, UploadMode};
pub use plan::{Amounts, LargeLayer, Plan};
pub use verdict::Verdict;
