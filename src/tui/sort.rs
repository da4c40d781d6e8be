//! The orders of the table.

use std::cmp::Reverse;

use crate::{
    batch::{Board, JobId, JobView, SpeedMeter},
    present::{Cause, Phase, phase},
};

/// The column that orders the rows; equal rows keep the order of the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    #[default]
    List,
    /// In flight, waiting, failed, queued, done.
    State,
    Image,
    Destination,
    /// Least first.
    Progress,
    /// Largest first.
    Size,
    /// Fastest first.
    Speed,
    /// Most first.
    Attempt,
    /// Those without one last.
    Cause,
}

impl Sort {
    pub const ALL: [Self; 9] = [
        Self::List,
        Self::State,
        Self::Image,
        Self::Destination,
        Self::Progress,
        Self::Size,
        Self::Speed,
        Self::Attempt,
        Self::Cause,
    ];

    #[must_use]
    pub fn next(self) -> Self {
        let at = Self::ALL.iter().position(|sort| *sort == self);
        Self::ALL[at.map_or(0, |at| (at + 1) % Self::ALL.len())]
    }

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::List => "list order",
            Self::State => "state",
            Self::Image => "image",
            Self::Destination => "destination",
            Self::Progress => "progress",
            Self::Size => "size",
            Self::Speed => "speed",
            Self::Attempt => "attempts",
            Self::Cause => "cause",
        }
    }

    #[must_use]
    pub fn follows_progress(self) -> bool {
        matches!(self, Self::Progress | Self::Speed)
    }

    /// Whether the order changes while the batch runs.
    #[must_use]
    pub fn follows_state(self) -> bool {
        match self {
            Self::List | Self::Image | Self::Destination => false,
            Self::State
            | Self::Progress
            | Self::Size
            | Self::Speed
            | Self::Attempt
            | Self::Cause => true,
        }
    }

    /// Sorts images that are in the order of the list.
    pub(super) fn sort(self, rows: &mut [JobId], board: &Board, meter: &SpeedMeter) {
        let view = |id: &JobId| &board.jobs()[id.index()];
        match self {
            Self::List => {}
            Self::State => rows.sort_by_key(|id| urgency(phase(view(id)))),
            Self::Image => {
                rows.sort_by(|a, b| view(a).job.spec.source.cmp(&view(b).job.spec.source))
            }
            Self::Destination => {
                rows.sort_by(|a, b| {
                    view(a)
                        .job
                        .spec
                        .destination
                        .cmp(&view(b).job.spec.destination)
                });
            }
            Self::Progress => rows.sort_by_key(|id| permille(view(id))),
            Self::Size => rows.sort_by_key(|id| Reverse(view(id).bytes_total)),
            Self::Speed => rows.sort_by_key(|id| Reverse(meter.speed_of(*id))),
            Self::Attempt => rows.sort_by_key(|id| Reverse(view(id).attempt)),
            Self::Cause => rows.sort_by_cached_key(|id| {
                let cause = Cause::of(view(id));
                (cause.is_none(), cause)
            }),
        }
    }
}

/// The rank of a phase: what needs attention comes first.
fn urgency(phase: Phase) -> u8 {
    match phase {
        Phase::Copying | Phase::Reading => 0,
        Phase::Waiting => 1,
        Phase::Failed => 2,
        Phase::Planned => 3,
        Phase::Queued => 4,
        Phase::Staged => 5,
        Phase::Copied | Phase::UpToDate | Phase::Skipped | Phase::Kept => 6,
    }
}

fn permille(view: &JobView) -> u64 {
    match view.is_done() {
        true => 1000,
        false => (view.bytes_done.saturating_mul(1000))
            .checked_div(view.bytes_total)
            .unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorting_comes_back_to_the_list_order() {
        let mut sort = Sort::List;
        for _ in 0..Sort::ALL.len() {
            sort = sort.next();
        }
        assert_eq!(sort, Sort::List);
    }
}
