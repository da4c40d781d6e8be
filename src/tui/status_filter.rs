//! Which images the table shows by their state.

use std::sync::Arc;

use crate::{
    batch::{Board, JobId},
    present::{Cause, Phase, phase},
};

/// Which states are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StatusFilter {
    #[default]
    All,
    /// Failed, or waiting for a retry.
    Failures,
    InFlight,
    Waiting,
    Failed,
    Queued,
    /// At their destinations; their tags wait for the rest of their groups.
    Staged,
    Done,
    Skipped,
    /// Failed or waiting for this cause.
    Cause(Arc<Cause>),
}

impl StatusFilter {
    /// The filters that a key cycles through.
    pub const ALL_STATES: [Self; 9] = [
        Self::All,
        Self::InFlight,
        Self::Waiting,
        Self::Failed,
        Self::Failures,
        Self::Queued,
        Self::Staged,
        Self::Done,
        Self::Skipped,
    ];

    /// The filter `by` steps further in the cycle.
    #[must_use]
    pub fn step(&self, by: isize) -> Self {
        let at = Self::ALL_STATES.iter().position(|filter| filter == self);
        let count = Self::ALL_STATES.len();
        let next = at
            .unwrap_or(0)
            .wrapping_add_signed(by.rem_euclid(count.cast_signed()));
        Self::ALL_STATES[next % count].clone()
    }

    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Failures => "failures",
            Self::InFlight => "in flight",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
            Self::Queued => "queued",
            Self::Staged => "staged",
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::Cause(_) => "one cause",
        }
    }

    /// Whether it shows only failures, of which the cause matters most.
    #[must_use]
    pub fn is_about_failures(&self) -> bool {
        match self {
            Self::Failures | Self::Waiting | Self::Failed | Self::Cause(_) => true,
            Self::All
            | Self::InFlight
            | Self::Queued
            | Self::Staged
            | Self::Done
            | Self::Skipped => false,
        }
    }

    /// The images of these states, in the order of the list.
    pub(super) fn candidates(&self, board: &Board) -> Vec<JobId> {
        let of = |phases: &[Phase]| {
            let views = board.jobs().iter();
            views
                .filter(|view| phases.contains(&phase(view)))
                .map(|view| view.job.id)
                .collect()
        };
        match self {
            Self::All => board.jobs().iter().map(|view| view.job.id).collect(),
            Self::Failures => {
                let mut rows: Vec<JobId> = board.failed().chain(board.waiting()).collect();
                rows.sort_unstable();
                rows
            }
            Self::InFlight => board.running().collect(),
            Self::Waiting => board.waiting().collect(),
            Self::Failed => board.failed().collect(),
            Self::Queued => of(&[Phase::Queued, Phase::Planned]),
            Self::Staged => of(&[Phase::Staged]),
            Self::Done => of(&[Phase::Copied, Phase::UpToDate]),
            Self::Skipped => of(&[Phase::Skipped, Phase::Kept]),
            Self::Cause(cause) => {
                let mut rows = Self::Failures.candidates(board);
                rows.retain(|job| {
                    let view = &board.jobs()[job.index()];
                    Cause::of(view).is_some_and(|own| own == **cause)
                });
                rows
            }
        }
    }
}
