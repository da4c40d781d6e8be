//! The list of failures by cause, with its cursor.
//!
//! `present` decides which failures have the same cause. Invariant: the cursor is a cause, so it stays on its cause when
//! others appear.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{scroll::in_view, status_filter::StatusFilter};
use crate::{
    batch::{Board, Event, JobId},
    present::{Cause, CauseGroup, causes},
};

/// Groups change at most this often, so that a person can read them.
const REGROUP_INTERVAL: Duration = Duration::from_millis(500);

#[derive(Clone, Debug, Default)]
pub struct Failures {
    groups: Vec<CauseGroup>,
    is_stale: bool,
    grouped_at: Duration,
    cursor: Option<Arc<Cause>>,
    at: usize,
    /// The first group on the screen.
    pub offset: usize,
}

impl Failures {
    #[must_use]
    pub fn groups(&self) -> &[CauseGroup] {
        &self.groups
    }

    /// The row under the cursor.
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }

    #[must_use]
    pub fn selected(&self) -> Option<&CauseGroup> {
        self.groups.get(self.at)
    }

    /// The images of the selected cause.
    #[must_use]
    pub fn targets(&self) -> BTreeSet<JobId> {
        self.selected()
            .map(|group| group.jobs.iter().copied().collect())
            .unwrap_or_default()
    }

    /// The filter that shows only the images of the selected cause.
    #[must_use]
    pub fn show(&self) -> Option<StatusFilter> {
        self.selected()
            .map(|group| StatusFilter::Cause(Arc::clone(&group.cause)))
    }

    pub fn apply(&mut self, event: &Event) {
        self.is_stale |= matches!(
            event,
            Event::BatchStarted { .. }
                | Event::JobRestored { .. }
                | Event::JobQueued { .. }
                | Event::JobStarted { .. }
                | Event::JobRetryScheduled { .. }
                | Event::JobFinished { .. }
        );
    }

    pub fn tick(&mut self, now: Duration, board: &Board) {
        if now.saturating_sub(self.grouped_at) >= REGROUP_INTERVAL {
            self.catch_up(board);
            self.grouped_at = now;
        }
    }

    /// Groups again if anything changed, before a key that depends on it.
    pub fn catch_up(&mut self, board: &Board) {
        if !std::mem::take(&mut self.is_stale) {
            return;
        }
        self.groups = causes(board, board.failed().chain(board.waiting()));
        let at = (self.cursor.as_ref())
            .and_then(|cause| self.groups.iter().position(|group| group.cause == *cause));
        self.go(at.unwrap_or(self.at));
    }

    /// Moves the cursor to a row, or to the last one.
    pub fn go(&mut self, row: usize) {
        self.at = row.min(self.groups.len().saturating_sub(1));
        self.cursor = self.selected().map(|group| Arc::clone(&group.cause));
    }

    pub fn scroll_into_view(&mut self, height: usize) {
        self.offset = in_view(self.offset, self.at, height, self.groups.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::fixtures;

    fn board(events: impl IntoIterator<Item = Event>) -> Board {
        let mut board = Board::default();
        for event in fixtures::listed(9).into_iter().chain(events) {
            board.apply(&event);
        }
        board
    }

    #[test]
    fn names_and_digests_do_not_make_another_cause() {
        let board = board((0..3).map(|job| {
            let message = format!(
                "said 404: team/app-{job} has no blob sha256:{}",
                format!("{job}").repeat(64)
            );
            fixtures::failed(job, &message)
        }));
        let groups = causes(&board, board.failed());
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].cause.message, "said 404: … has no blob sha256:…");
        assert_eq!(groups[0].jobs.len(), 3);
    }

    #[test]
    fn the_most_frequent_cause_comes_first_and_waiting_images_count() {
        let board = board([
            fixtures::failed(0, "said 401"),
            fixtures::failed(4, "said 403"),
            fixtures::retry_scheduled(2, 1, "said 403"),
        ]);
        let counts: Vec<_> = causes(&board, board.failed().chain(board.waiting()))
            .iter()
            .map(|group| (group.cause.message.clone(), group.jobs.len(), group.waiting))
            .collect();
        assert_eq!(
            counts,
            [("said 403".into(), 2, 1), ("said 401".into(), 1, 0)]
        );
    }

    #[test]
    fn the_cursor_stays_on_its_cause_while_others_overtake_it() {
        let mut failures = Failures {
            is_stale: true,
            ..Failures::default()
        };
        let before = [fixtures::failed(0, "said 401")];
        failures.catch_up(&board(before.clone()));
        let more = [
            fixtures::failed(1, "said 403"),
            fixtures::failed(2, "said 403"),
        ];
        failures.is_stale = true;
        failures.catch_up(&board(before.into_iter().chain(more)));
        assert_eq!(
            failures
                .selected()
                .map(|group| group.cause.message.as_str()),
            Some("said 401")
        );
        assert_eq!(failures.at(), 1);
    }
}
