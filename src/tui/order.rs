//! The rows of the image table: what a filter lets through, and in which order.

use std::{cmp::Reverse, fmt::Write as _};

use crate::{
    batch::{Board, JobId, JobView},
    present::{Phase, phase},
};

/// Which states are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Show {
    #[default]
    All,
    /// Failed, or waiting to be tried again.
    Failures,
}

/// By which column rows are ordered; the list's order decides between equals.
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
    /// Most first.
    Attempt,
}

/// Text to find in references and causes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    text: String,
    needle: String,
    inverse: bool,
}

impl Sort {
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::List => Self::State,
            Self::State => Self::Image,
            Self::Image => Self::Destination,
            Self::Destination => Self::Progress,
            Self::Progress => Self::Size,
            Self::Size => Self::Attempt,
            Self::Attempt => Self::List,
        }
    }

    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::List => "list order",
            Self::State => "state",
            Self::Image => "image",
            Self::Destination => "destination",
            Self::Progress => "progress",
            Self::Size => "size",
            Self::Attempt => "attempts",
        }
    }

    #[must_use]
    pub fn follows_progress(self) -> bool {
        self == Self::Progress
    }

    /// Whether the order changes while the batch runs.
    #[must_use]
    pub fn follows_state(self) -> bool {
        match self {
            Self::List | Self::Image | Self::Destination => false,
            Self::State | Self::Progress | Self::Size | Self::Attempt => true,
        }
    }
}

impl Filter {
    #[must_use]
    pub fn new(text: &str) -> Self {
        let (inverse, needle) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        Self {
            text: text.into(),
            needle: needle.to_lowercase(),
            inverse,
        }
    }

    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Lets everything through.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.needle.is_empty()
    }

    /// `text` is room to write in, so that a long list costs no allocation per image.
    fn lets_through(&self, view: &JobView, text: &mut String) -> bool {
        if self.is_empty() {
            return true;
        }
        text.clear();
        let _ = write!(text, "{} {}", view.job.source, view.job.destination);
        if let Some(cause) = view.cause() {
            let _ = write!(text, " {cause}");
        }
        text.make_ascii_lowercase();
        text.contains(&self.needle) != self.inverse
    }
}

/// The images shown, in order.
#[must_use]
pub fn rows(board: &Board, filter: &Filter, show: Show, sort: Sort) -> Vec<JobId> {
    let mut text = String::new();
    let mut through = |id: &JobId| {
        board
            .job(*id)
            .is_some_and(|view| filter.lets_through(view, &mut text))
    };
    let mut rows: Vec<JobId> = match show {
        Show::All => board
            .jobs()
            .iter()
            .map(|view| view.job.id)
            .filter(&mut through)
            .collect(),
        Show::Failures => {
            let mut rows: Vec<JobId> = board
                .failed()
                .chain(board.waiting())
                .filter(&mut through)
                .collect();
            rows.sort_unstable();
            rows
        }
    };
    let view = |id: &JobId| &board.jobs()[id.index()];
    match sort {
        Sort::List => {}
        Sort::State => rows.sort_by_key(|id| urgency(phase(view(id)))),
        Sort::Image => rows.sort_by(|a, b| view(a).job.source.cmp(&view(b).job.source)),
        Sort::Destination => {
            rows.sort_by(|a, b| view(a).job.destination.cmp(&view(b).job.destination));
        }
        Sort::Progress => rows.sort_by_key(|id| permille(view(id))),
        Sort::Size => rows.sort_by_key(|id| Reverse(view(id).bytes_total)),
        Sort::Attempt => rows.sort_by_key(|id| Reverse(view(id).attempt)),
    }
    rows
}

/// How soon a person wants to see an image of this phase.
fn urgency(phase: Phase) -> u8 {
    match phase {
        Phase::Copying | Phase::Reading => 0,
        Phase::Waiting => 1,
        Phase::Failed => 2,
        Phase::Queued => 3,
        Phase::Copied | Phase::UpToDate | Phase::Skipped => 4,
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
    use crate::tui::fixtures;

    fn board(events: impl IntoIterator<Item = crate::batch::Event>) -> Board {
        let mut board = Board::default();
        for event in fixtures::listed(4).into_iter().chain(events) {
            board.apply(&event);
        }
        board
    }

    fn ids(rows: &[JobId]) -> Vec<u32> {
        rows.iter().map(|job| job.0).collect()
    }

    fn filtered(text: &str, show: Show) -> Vec<u32> {
        let board = board([
            fixtures::failed(1, "said 401"),
            fixtures::retry_scheduled(3, 1, "said 503"),
        ]);
        ids(&rows(&board, &Filter::new(text), show, Sort::List))
    }

    #[test]
    fn a_filter_finds_references_and_causes_in_any_case() {
        assert_eq!(filtered("App-2", Show::All), [2]);
        assert_eq!(filtered("b.example", Show::All), [0, 1, 2, 3]);
        assert_eq!(filtered("SAID 4", Show::All), [1]);
    }

    #[test]
    fn an_exclamation_mark_inverts_and_alone_shows_all() {
        assert_eq!(filtered("!app-2", Show::All), [0, 1, 3]);
        assert_eq!(filtered("!", Show::All), [0, 1, 2, 3]);
    }

    #[test]
    fn failures_are_failed_and_waiting_images_in_list_order() {
        assert_eq!(filtered("", Show::Failures), [1, 3]);
        assert_eq!(filtered("503", Show::Failures), [3]);
    }

    #[test]
    fn by_state_puts_images_in_flight_first_and_done_ones_last() {
        let board = board([
            fixtures::copied(0),
            fixtures::failed(1, "said 401"),
            fixtures::started(3, 1),
        ]);
        let rows = rows(&board, &Filter::default(), Show::All, Sort::State);
        assert_eq!(ids(&rows), [3, 1, 2, 0]);
    }

    #[test]
    fn sorting_comes_back_to_the_list_order() {
        let mut sort = Sort::List;
        for _ in 0..7 {
            sort = sort.next();
        }
        assert_eq!(sort, Sort::List);
    }
}
