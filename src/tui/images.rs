//! The table of images: its rows, its cursor and its scroll position.
//!
//! Decides when rows are sorted again, and where the cursor goes. Invariant: the cursor is a job id, so neither a filter
//! nor a sort order moves it to another image; an image that is not shown is not selected.

use std::{collections::BTreeSet, time::Duration};

use super::{
    marks::Marks, rows::rows, sort::Sort, status_filter::StatusFilter, text_filter::TextFilter,
};
use crate::batch::{Board, Event, JobId, SpeedMeter};

/// Rows are sorted again at most this often, so that a person can read them.
const REORDER_INTERVAL: Duration = Duration::from_millis(500);

#[derive(Clone, Debug, Default)]
pub struct Images {
    filter: TextFilter,
    show: StatusFilter,
    sort: Sort,
    /// The images shown, in order.
    rows: Vec<JobId>,
    /// Whether events may have changed the rows since they were sorted.
    is_stale: bool,
    sorted_at: Duration,
    cursor: Option<JobId>,
    /// The row of the cursor, or where it would be.
    at: usize,
    is_cursor_shown: bool,
    marks: Marks,
    /// Whether the cursor moves to an image in flight by itself.
    is_following: bool,
    /// The first row on the screen.
    offset: usize,
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub job: JobId,
    pub selected: bool,
    pub marked: bool,
}

impl Images {
    #[must_use]
    pub fn new() -> Self {
        Self {
            is_following: true,
            ..Self::default()
        }
    }

    #[must_use]
    pub fn filter(&self) -> &TextFilter {
        &self.filter
    }

    #[must_use]
    pub fn show(&self) -> &StatusFilter {
        &self.show
    }

    #[must_use]
    pub fn sort(&self) -> Sort {
        self.sort
    }

    #[must_use]
    pub fn is_following(&self) -> bool {
        self.is_following
    }

    #[must_use]
    pub fn rows(&self) -> &[JobId] {
        &self.rows
    }

    /// The rows on a screen of `height` rows.
    pub fn page(&self, height: usize) -> impl Iterator<Item = Row> + '_ {
        let cursor = self.cursor_row();
        let range = self.marks.range(&self.rows, cursor);
        (self.rows.iter().enumerate().skip(self.offset).take(height)).map(move |(row, job)| Row {
            job: *job,
            selected: cursor == Some(row),
            marked: self.marks.contains(*job) || range.contains(&row),
        })
    }

    /// The image under the cursor; none if a filter hides it.
    #[must_use]
    pub fn selected(&self) -> Option<JobId> {
        self.cursor.filter(|_| self.is_cursor_shown)
    }

    #[must_use]
    pub fn is_marked(&self, job: JobId) -> bool {
        self.marks.contains(job)
    }

    #[must_use]
    pub fn has_marks(&self) -> bool {
        !self.marks.is_empty()
    }

    /// Marked images, and those of the open range.
    #[must_use]
    pub fn marked(&self) -> BTreeSet<JobId> {
        self.marks.with_range(&self.rows, self.cursor_row())
    }

    /// The images an action applies to: the marked ones, else the one under the cursor.
    #[must_use]
    pub fn targets(&self) -> BTreeSet<JobId> {
        match self.has_marks() {
            true => self.marked(),
            false => self.selected().into_iter().collect(),
        }
    }

    /// Takes in an event that `board` has applied.
    pub fn apply(&mut self, event: &Event, board: &Board) {
        match event {
            Event::BatchStarted { .. } => {
                let sort = self.sort;
                *self = Self {
                    is_following: true,
                    sort,
                    filter: std::mem::take(&mut self.filter),
                    show: std::mem::take(&mut self.show),
                    ..Self::default()
                };
            }
            Event::JobListed { job } if self.is_whole_list() => {
                if board.jobs().len() > self.rows.len() {
                    self.rows.push(job.id);
                    self.cursor.get_or_insert(job.id);
                    self.is_cursor_shown = true;
                }
            }
            Event::Progress { .. } => self.is_stale |= self.sort.follows_progress(),
            Event::JobListed { .. }
            | Event::JobRestored { .. }
            | Event::JobQueued { .. }
            | Event::JobPrioritized { .. }
            | Event::JobStarted { .. }
            | Event::JobPlanned { .. }
            | Event::BlobSettled { .. }
            | Event::JobRetryScheduled { .. }
            | Event::JobStaged { .. }
            | Event::JobFinished { .. } => self.is_stale |= !self.is_static(),
            Event::ReviewStarted
            | Event::ReviewEnded
            | Event::MethodSelected { .. }
            | Event::BlobWaited { .. }
            | Event::BlobStarted { .. }
            | Event::RegistriesSampled { .. }
            | Event::Noted { .. }
            | Event::BatchPaused
            | Event::BatchResumed
            | Event::ParallelChanged { .. }
            | Event::LimitChanged { .. }
            | Event::StopRequested { .. }
            | Event::CommandRefused { .. }
            | Event::BatchFinished { .. } => {}
        }
    }

    /// Sorts changed rows if it is time, and follows the images in flight.
    pub fn tick(&mut self, now: Duration, board: &Board, meter: &SpeedMeter) {
        if self.is_stale && now.saturating_sub(self.sorted_at) >= REORDER_INTERVAL {
            self.sorted_at = now;
            self.sort_rows(board, meter);
        }
        // Preflights are too short to follow.
        if self.is_following && !board.is_reviewing() {
            self.follow(board);
        }
    }

    /// Sorts changed rows now, before a key that depends on them.
    pub fn catch_up(&mut self, board: &Board, meter: &SpeedMeter) {
        if self.is_stale {
            self.sort_rows(board, meter);
        }
    }

    pub fn set_filter(&mut self, text: &str, board: &Board, meter: &SpeedMeter) {
        self.filter = TextFilter::new(text);
        self.sort_rows(board, meter);
    }

    pub fn set_show(&mut self, show: StatusFilter, board: &Board, meter: &SpeedMeter) {
        self.show = show;
        self.sort_rows(board, meter);
    }

    pub fn set_sort(&mut self, sort: Sort, board: &Board, meter: &SpeedMeter) {
        self.sort = sort;
        self.sort_rows(board, meter);
    }

    /// Moves the cursor by `by` rows; from an image that is not shown, to the row where it would be.
    pub fn step(&mut self, by: isize) {
        let to = match self.is_cursor_shown {
            true => self.at.saturating_add_signed(by),
            false => self.at,
        };
        self.go(to);
    }

    /// Moves the cursor to a row, or to the last one.
    pub fn go(&mut self, row: usize) {
        self.is_following = false;
        let last = self.rows.len().saturating_sub(1);
        if let Some(job) = self.rows.get(row.min(last)) {
            self.cursor = Some(*job);
            self.at = row.min(last);
            self.is_cursor_shown = true;
        }
    }

    /// Keeps an image in flight under the cursor until the next move.
    pub fn start_following(&mut self, board: &Board) {
        self.is_following = true;
        self.follow(board);
    }

    /// Closes the open range; else marks or unmarks the selected image and moves to the next one.
    pub fn mark(&mut self) {
        if self.marks.has_range() {
            return self.mark_range();
        }
        let Some(job) = self.selected() else { return };
        self.marks.toggle(job);
        self.step(1);
    }

    /// Opens a range at the cursor, or marks the open one.
    pub fn mark_range(&mut self) {
        self.is_following = false;
        let (cursor, selected) = (self.cursor_row(), self.selected());
        match self.marks.has_range() {
            true => self.marks.close_range(&self.rows, cursor),
            false => self.marks.open_range(selected),
        }
    }

    /// Marks every image shown, or unmarks them if all are marked.
    pub fn mark_all(&mut self) {
        self.marks.cancel_range();
        self.marks.toggle_all(&self.rows.iter().copied().collect());
    }

    /// Marks these images, or unmarks them if all are marked.
    pub fn mark_these(&mut self, jobs: &BTreeSet<JobId>) {
        self.marks.toggle_all(jobs);
    }

    pub fn clear_marks(&mut self) {
        self.marks = Marks::default();
    }

    /// Returns whether there was a range to cancel.
    pub fn cancel_range(&mut self) -> bool {
        self.marks.cancel_range()
    }

    /// Scrolls no more than needed to show the cursor on a screen of `height` rows.
    pub fn scroll_into_view(&mut self, height: usize) {
        let last = self.rows.len().saturating_sub(height);
        if self.is_following {
            // The other images in flight are below.
            self.offset = self.at.saturating_sub(height / 3);
        } else if self.at < self.offset {
            self.offset = self.at;
        } else if self.at >= self.offset + height {
            self.offset = self.at + 1 - height;
        }
        self.offset = self.offset.min(last);
    }

    /// Whether every image is shown, in the list's order.
    fn is_whole_list(&self) -> bool {
        self.filter.is_empty() && self.show == StatusFilter::All && self.sort == Sort::List
    }

    /// Whether the rows do not depend on states.
    fn is_static(&self) -> bool {
        self.filter.is_empty() && self.show == StatusFilter::All && !self.sort.follows_state()
    }

    fn sort_rows(&mut self, board: &Board, meter: &SpeedMeter) {
        self.is_stale = false;
        self.rows = rows(board, meter, &self.filter, &self.show, self.sort);
        if let Some(cursor) = self.cursor {
            self.find(cursor);
        }
        // While following, the operator has not chosen the selected image.
        if self.cursor.is_none()
            || (self.is_following && !self.is_cursor_shown && !self.rows.is_empty())
        {
            self.is_following &= self.cursor.is_none();
            self.cursor = self.rows.first().copied();
            self.at = 0;
            self.is_cursor_shown = self.cursor.is_some();
        }
    }

    fn find(&mut self, cursor: JobId) {
        self.cursor = Some(cursor);
        if self.rows.get(self.at) != Some(&cursor) {
            let found = self.rows.iter().position(|job| *job == cursor);
            self.is_cursor_shown = found.is_some();
            self.at = found.unwrap_or(self.at.min(self.rows.len().saturating_sub(1)));
        } else {
            self.is_cursor_shown = true;
        }
    }

    /// Moves to the first image in flight if the selected one is not in flight.
    fn follow(&mut self, board: &Board) {
        let running = |job: JobId| board.running().any(|other| other == job);
        if self.cursor.is_some_and(running) {
            return;
        }
        if let Some(job) = board.running().next()
            && (self.is_whole_list() || self.rows.contains(&job))
        {
            if self.is_whole_list() {
                self.at = job.index();
            }
            self.find(job);
        }
    }

    fn cursor_row(&self) -> Option<usize> {
        self.is_cursor_shown.then_some(self.at)
    }
}

#[cfg(test)]
mod tests;
