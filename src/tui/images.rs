//! Which images are shown, in which order, and which of them is meant.
//!
//! Decides filter, order, cursor, marks and range. Invariant: cursor and marks are job ids, so neither
//! filtering nor sorting ever moves them to another image; a selected image that is not shown is not
//! acted on.

use std::{collections::BTreeSet, ops::Range, time::Duration};

use super::order::{Filter, Sort, StatusFilter};
use crate::batch::{Board, Event, JobId, SpeedMeter};

/// Rows that follow changing states are put in order again at most this often: a person has to read them.
const REORDER: Duration = Duration::from_millis(500);

#[derive(Clone, Debug, Default)]
pub struct Images {
    filter: Filter,
    show: StatusFilter,
    sort: Sort,
    /// The images shown, in order.
    rows: Vec<JobId>,
    stale: bool,
    ordered: Duration,
    cursor: Option<JobId>,
    /// Where the cursor is in `rows`, or would be if it were shown.
    at: usize,
    shown: bool,
    marks: BTreeSet<JobId>,
    range_from: Option<JobId>,
    following: bool,
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
            following: true,
            ..Self::default()
        }
    }

    #[must_use]
    pub fn filter(&self) -> &Filter {
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
        self.following
    }

    #[must_use]
    pub fn rows(&self) -> &[JobId] {
        &self.rows
    }

    /// The rows on a screen of `height` rows.
    pub fn page(&self, height: usize) -> impl Iterator<Item = Row> + '_ {
        let range = self.range();
        (self.rows.iter().enumerate().skip(self.offset).take(height)).map(move |(row, job)| Row {
            job: *job,
            selected: self.shown && row == self.at,
            marked: self.marks.contains(job) || range.contains(&row),
        })
    }

    /// The image under the cursor, if it is shown.
    #[must_use]
    pub fn selected(&self) -> Option<JobId> {
        self.cursor.filter(|_| self.shown)
    }

    #[must_use]
    pub fn is_marked(&self, job: JobId) -> bool {
        self.marks.contains(&job)
    }

    #[must_use]
    pub fn has_marks(&self) -> bool {
        !self.marks.is_empty() || self.range_from.is_some()
    }

    /// Marked images, those of an open range included.
    #[must_use]
    pub fn marked(&self) -> BTreeSet<JobId> {
        let mut marked = self.marks.clone();
        marked.extend(&self.rows[self.range()]);
        marked
    }

    /// What an action is about: the marked images, else the one under the cursor.
    #[must_use]
    pub fn targets(&self) -> BTreeSet<JobId> {
        match self.has_marks() {
            true => self.marked(),
            false => self.selected().into_iter().collect(),
        }
    }

    /// Keeps the rows in step with an event that `board` has applied.
    pub fn apply(&mut self, event: &Event, board: &Board) {
        match event {
            Event::BatchStarted { .. } => {
                let (following, offset) = (true, 0);
                *self = Self {
                    following,
                    offset,
                    filter: std::mem::take(&mut self.filter),
                    show: std::mem::take(&mut self.show),
                    sort: self.sort,
                    ..Self::default()
                };
            }
            Event::JobListed { job } if self.is_whole_list() => {
                if board.jobs().len() > self.rows.len() {
                    self.rows.push(job.id);
                    self.cursor.get_or_insert(job.id);
                    self.shown = true;
                }
            }
            Event::Progress { .. } => self.stale |= self.sort.follows_progress(),
            Event::JobListed { .. }
            | Event::JobRestored { .. }
            | Event::JobQueued { .. }
            | Event::JobPrioritized { .. }
            | Event::JobStarted { .. }
            | Event::JobPlanned { .. }
            | Event::BlobSettled { .. }
            | Event::JobRetryScheduled { .. }
            | Event::JobFinished { .. } => self.stale |= !self.is_static(),
            Event::ReviewStarted
            | Event::ReviewEnded
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

    /// Follows the images in flight, and puts changed rows in order if it is time.
    pub fn tick(&mut self, now: Duration, board: &Board, meter: &SpeedMeter) {
        if self.stale && now.saturating_sub(self.ordered) >= REORDER {
            self.ordered = now;
            self.order(board, meter);
        }
        // Looks are too short to be watched.
        if self.following && !board.is_reviewing() {
            self.follow(board);
        }
    }

    /// Puts changed rows in order now: before a key that depends on them.
    pub fn catch_up(&mut self, board: &Board, meter: &SpeedMeter) {
        if self.stale {
            self.order(board, meter);
        }
    }

    pub fn set_filter(&mut self, text: &str, board: &Board, meter: &SpeedMeter) {
        self.filter = Filter::new(text);
        self.order(board, meter);
    }

    pub fn set_show(&mut self, show: StatusFilter, board: &Board, meter: &SpeedMeter) {
        self.show = show;
        self.order(board, meter);
    }

    pub fn set_sort(&mut self, sort: Sort, board: &Board, meter: &SpeedMeter) {
        self.sort = sort;
        self.order(board, meter);
    }

    /// Moves the cursor by rows; from an image that is not shown, to the row where it would be.
    pub fn step(&mut self, by: isize) {
        let to = match self.shown {
            true => self.at.saturating_add_signed(by),
            false => self.at,
        };
        self.go(to);
    }

    /// Moves the cursor to a row, or to the last one.
    pub fn go(&mut self, row: usize) {
        self.following = false;
        let last = self.rows.len().saturating_sub(1);
        if let Some(job) = self.rows.get(row.min(last)) {
            self.cursor = Some(*job);
            self.at = row.min(last);
            self.shown = true;
        }
    }

    /// Keeps an image in flight under the cursor until the next move.
    pub fn start_following(&mut self, board: &Board) {
        self.following = true;
        self.follow(board);
    }

    /// Ends an open range, or marks the selected image and steps on, or unmarks it.
    pub fn mark(&mut self) {
        if self.range_from.is_some() {
            return self.range_mark();
        }
        let Some(job) = self.selected() else { return };
        if !self.marks.remove(&job) {
            self.marks.insert(job);
        }
        self.step(1);
    }

    /// Opens a range at the cursor, or marks the open one.
    pub fn range_mark(&mut self) {
        self.following = false;
        match self.range_from {
            Some(_) => {
                self.marks = self.marked();
                self.range_from = None;
            }
            None => self.range_from = self.selected(),
        }
    }

    /// Marks every image shown, or unmarks them if all are.
    pub fn mark_all(&mut self) {
        self.range_from = None;
        if self.rows.iter().all(|job| self.marks.contains(job)) {
            for job in &self.rows {
                self.marks.remove(job);
            }
        } else {
            self.marks.extend(&self.rows);
        }
    }

    /// Marks these images, or unmarks them if all are.
    pub fn mark_these(&mut self, jobs: &BTreeSet<JobId>) {
        match jobs.is_subset(&self.marks) {
            true => self.marks.retain(|job| !jobs.contains(job)),
            false => self.marks.extend(jobs),
        }
    }

    pub fn clear_marks(&mut self) {
        self.marks.clear();
        self.range_from = None;
    }

    /// Takes back the range; whether there was one.
    pub fn drop_range(&mut self) -> bool {
        self.range_from.take().is_some()
    }

    /// Scrolls as little as it takes to have the cursor on a screen of `height` rows.
    pub fn keep_in_sight(&mut self, height: usize) {
        let most = self.rows.len().saturating_sub(height);
        if self.following {
            // Images in flight lie below the one followed.
            self.offset = self.at.saturating_sub(height / 3);
        } else if self.at < self.offset {
            self.offset = self.at;
        } else if self.at >= self.offset + height {
            self.offset = self.at + 1 - height;
        }
        self.offset = self.offset.min(most);
    }

    /// Whether every image is shown, in the list's order.
    fn is_whole_list(&self) -> bool {
        self.filter.is_empty() && self.show == StatusFilter::All && self.sort == Sort::List
    }

    /// Whether rows depend on nothing that changes.
    fn is_static(&self) -> bool {
        self.filter.is_empty() && self.show == StatusFilter::All && !self.sort.follows_state()
    }

    fn order(&mut self, board: &Board, meter: &SpeedMeter) {
        self.stale = false;
        self.rows = super::order::rows(board, meter, &self.filter, &self.show, self.sort);
        if let Some(cursor) = self.cursor {
            self.find(cursor);
        }
        // While watching, nobody has chosen the selected image.
        if self.cursor.is_none() || (self.following && !self.shown && !self.rows.is_empty()) {
            self.following &= self.cursor.is_none();
            self.cursor = self.rows.first().copied();
            self.at = 0;
            self.shown = self.cursor.is_some();
        }
    }

    fn find(&mut self, cursor: JobId) {
        self.cursor = Some(cursor);
        if self.rows.get(self.at) != Some(&cursor) {
            let found = self.rows.iter().position(|job| *job == cursor);
            self.shown = found.is_some();
            self.at = found.unwrap_or(self.at.min(self.rows.len().saturating_sub(1)));
        } else {
            self.shown = true;
        }
    }

    /// Goes to the first image in flight once the selected one is not in flight any more.
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

    /// The rows from where the range began to the cursor.
    fn range(&self) -> Range<usize> {
        let from = self
            .range_from
            .and_then(|from| self.rows.iter().position(|job| *job == from));
        match from {
            Some(from) if self.shown => from.min(self.at)..from.max(self.at) + 1,
            _ => 0..0,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        batch::JobId,
        tui::{
            fixtures::{copied, failed, job, listed, model, press, started, tell, tick},
            model::Model,
        },
    };

    fn selected(model: &Model) -> Option<u32> {
        model.images.selected().map(|job| job.0)
    }

    fn marked(model: &Model) -> Vec<u32> {
        model.images.marked().iter().map(|job| job.0).collect()
    }

    #[test]
    fn arrows_letters_and_pages_move_and_stop_at_the_ends() {
        let mut model = model(listed(100));
        press(&mut model, "j down j");
        assert_eq!(selected(&model), Some(3));
        press(&mut model, "k up k up");
        assert_eq!(selected(&model), Some(0));
        press(&mut model, "pgdn");
        let page = selected(&model).unwrap();
        assert!(page > 5, "{page}");
        press(&mut model, "G j");
        assert_eq!(selected(&model), Some(99));
        press(&mut model, "g");
        assert_eq!(selected(&model), Some(0));
    }

    #[test]
    fn sorting_and_filtering_never_move_the_selection_to_another_image() {
        let mut model = model(listed(20).into_iter().chain([started(17, 1)]));
        press(&mut model, "j j j");
        assert_eq!(selected(&model), Some(3));
        press(&mut model, "S");
        assert_eq!(selected(&model), Some(3));
        press(&mut model, "/ a p p - 1 7 enter");
        assert_eq!(selected(&model), None);
        press(&mut model, "esc");
        assert_eq!(selected(&model), Some(3));
    }

    #[test]
    fn an_image_that_is_not_shown_is_not_acted_on() {
        let mut model = model(listed(20));
        press(&mut model, "j / a p p - 1 7 enter");
        assert_eq!(press(&mut model, "r"), []);
        assert_eq!(model.notice.unwrap().text, "no image is selected");
    }

    #[test]
    fn from_an_image_that_is_not_shown_a_move_goes_to_one_that_is() {
        let mut model = model(listed(20));
        press(&mut model, "j / a p p - 1 7 enter j");
        assert_eq!(selected(&model), Some(17));
    }

    #[test]
    fn a_failure_that_is_mended_does_not_hand_its_selection_on() {
        let mut model = model(
            listed(5)
                .into_iter()
                .chain([failed(1, "x"), failed(3, "x")]),
        );
        press(&mut model, "j e");
        assert_eq!(selected(&model), Some(1));
        tell(&mut model, [started(1, 2), copied(1)]);
        tick(&mut model, 1);
        assert_eq!(selected(&model), None);
        assert_eq!(model.images.rows(), [JobId(3)]);
    }

    #[test]
    fn marks_follow_the_image_through_any_order() {
        let mut model = model(listed(9));
        press(&mut model, "space j space S S S");
        assert_eq!(marked(&model), [0, 2]);
        press(&mut model, "a");
        assert_eq!(marked(&model), (0..9).collect::<Vec<_>>());
        press(&mut model, "a");
        assert_eq!(marked(&model), [0; 0]);
    }

    #[test]
    fn mark_all_marks_what_is_shown() {
        let mut model = model(listed(20));
        press(&mut model, "/ a p p - 1 enter a esc");
        assert_eq!(marked(&model), [1, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    }

    #[test]
    fn a_range_goes_from_where_it_began_to_the_cursor() {
        let mut model = model(listed(9));
        press(&mut model, "j j v j j");
        assert_eq!(marked(&model), [2, 3, 4]);
        press(&mut model, "k k k");
        assert_eq!(marked(&model), [1, 2]);
        press(&mut model, "v j j j");
        assert_eq!(marked(&model), [1, 2]);
        press(&mut model, "v j esc");
        assert_eq!(marked(&model), [1, 2]);
    }

    #[test]
    fn watching_keeps_an_image_in_flight_selected_until_the_next_move() {
        let mut model = model(listed(9).into_iter().chain([started(0, 1), started(1, 1)]));
        tell(&mut model, [copied(0)]);
        tick(&mut model, 1);
        assert_eq!(selected(&model), Some(1));
        press(&mut model, "j");
        tell(&mut model, [copied(1), started(4, 1)]);
        tick(&mut model, 2);
        assert_eq!(selected(&model), Some(2));
        press(&mut model, "w");
        assert_eq!(selected(&model), Some(4));
    }

    #[test]
    fn while_watching_a_filter_selects_what_it_shows() {
        let mut model = model(listed(5).into_iter().chain([started(0, 1), failed(3, "x")]));
        press(&mut model, "e");
        assert_eq!(selected(&model), Some(3));
    }

    #[test]
    fn an_image_listed_later_is_shown_if_the_filter_lets_it_through() {
        let mut model = model(listed(2));
        press(&mut model, "/ n e w enter");
        let events = ["old", "new"].iter().zip(2..).map(|(name, id)| {
            job(
                id,
                &format!("a.example/{name}:1"),
                &format!("b.example/{name}:1"),
            )
        });
        tell(&mut model, events);
        tick(&mut model, 1);
        assert_eq!(model.images.rows(), [JobId(3)]);
    }
}
