//! The rows of the image table: what a filter lets through, and in which order.

use std::{cmp::Reverse, fmt::Write as _, sync::Arc};

use regex::{Regex, RegexBuilder};

use crate::{
    batch::{Board, JobId, JobView, SpeedMeter},
    present::{Cause, Phase, phase},
};

/// An expression that needs more memory than this, in bytes, is no filter.
const LARGEST_EXPRESSION: usize = 1 << 20;

/// Which states are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StatusFilter {
    #[default]
    All,
    /// Failed, or waiting to be tried again.
    Failures,
    InFlight,
    Waiting,
    Failed,
    Queued,
    Done,
    Skipped,
    /// Failed or waiting for this cause.
    Cause(Arc<Cause>),
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
    /// Fastest first.
    Speed,
    /// Most first.
    Attempt,
    /// Those without one last.
    Cause,
}

/// Text to find in references and causes.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    text: String,
    needle: Needle,
    inverse: bool,
}

#[derive(Clone, Debug, Default)]
enum Needle {
    #[default]
    Nothing,
    /// In lower case.
    Text(String),
    Expression(Regex),
    /// Looks like an expression and is none, or is not finished yet.
    Broken,
}

impl StatusFilter {
    /// The chips that are gone round, in this order.
    pub const CHIPS: [Self; 8] = [
        Self::All,
        Self::InFlight,
        Self::Waiting,
        Self::Failed,
        Self::Failures,
        Self::Queued,
        Self::Done,
        Self::Skipped,
    ];

    /// The chip that many further, round and round.
    #[must_use]
    pub fn step(&self, by: isize) -> Self {
        let at = Self::CHIPS.iter().position(|chip| chip == self);
        let count = Self::CHIPS.len();
        let next = at
            .unwrap_or(0)
            .wrapping_add_signed(by.rem_euclid(count.cast_signed()));
        Self::CHIPS[next % count].clone()
    }

    #[must_use]
    pub fn words(&self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Failures => "failures",
            Self::InFlight => "in flight",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
            Self::Queued => "queued",
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::Cause(_) => "one cause",
        }
    }

    /// Whether what is shown went wrong, so that the cause matters most.
    #[must_use]
    pub fn is_about_failures(&self) -> bool {
        match self {
            Self::Failures | Self::Waiting | Self::Failed | Self::Cause(_) => true,
            Self::All | Self::InFlight | Self::Queued | Self::Done | Self::Skipped => false,
        }
    }

    fn candidates(&self, board: &Board) -> Vec<JobId> {
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
    pub fn word(self) -> &'static str {
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
}

impl Filter {
    /// `text` is looked for in any case, `/text/` is a regular expression, and `!` in front inverts.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let (inverse, rest) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let needle = match rest.strip_prefix('/') {
            None if rest.is_empty() => Needle::Nothing,
            None => Needle::Text(rest.to_lowercase()),
            Some("") => Needle::Nothing,
            Some(expression) => expression
                .strip_suffix('/')
                .filter(|expression| !expression.is_empty())
                .and_then(|expression| {
                    RegexBuilder::new(expression)
                        .case_insensitive(true)
                        .size_limit(LARGEST_EXPRESSION)
                        .build()
                        .ok()
                })
                .map_or(Needle::Broken, Needle::Expression),
        };
        Self {
            text: text.into(),
            needle,
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
        matches!(self.needle, Needle::Nothing | Needle::Broken)
    }

    /// Begins like an expression and is none; everything is let through until it is one.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        matches!(self.needle, Needle::Broken)
    }

    /// `text` is room to write in, so that a long list costs no allocation per image.
    fn lets_through(&self, view: &JobView, text: &mut String) -> bool {
        if self.is_empty() {
            return true;
        }
        text.clear();
        let _ = write!(
            text,
            "{} {}",
            view.job.spec.source, view.job.spec.destination
        );
        if let Some(cause) = view.cause() {
            let _ = write!(text, " {cause}");
        }
        let found = match &self.needle {
            Needle::Nothing | Needle::Broken => true,
            Needle::Text(needle) => {
                text.make_ascii_lowercase();
                text.contains(needle)
            }
            Needle::Expression(expression) => expression.is_match(text),
        };
        found != self.inverse
    }
}

/// The images shown, in order.
#[must_use]
pub fn rows(
    board: &Board,
    meter: &SpeedMeter,
    filter: &Filter,
    show: &StatusFilter,
    sort: Sort,
) -> Vec<JobId> {
    let mut text = String::new();
    let mut rows = show.candidates(board);
    let view = |id: &JobId| &board.jobs()[id.index()];
    rows.retain(|id| filter.lets_through(view(id), &mut text));
    match sort {
        Sort::List => {}
        Sort::State => rows.sort_by_key(|id| urgency(phase(view(id)))),
        Sort::Image => rows.sort_by(|a, b| view(a).job.spec.source.cmp(&view(b).job.spec.source)),
        Sort::Destination => {
            rows.sort_by(|a, b| {
                view(a)
                    .job
                    .spec
                    .destination
                    .cmp(&view(b).job.spec.destination)
            });
        }
        Sort::Progress => rows.sort_by_key(|id| permille(view(id))),
        Sort::Size => rows.sort_by_key(|id| Reverse(view(id).bytes_total)),
        Sort::Speed => rows.sort_by_key(|id| Reverse(meter.speed_of(*id))),
        Sort::Attempt => rows.sort_by_key(|id| Reverse(view(id).attempt)),
        Sort::Cause => rows.sort_by_cached_key(|id| {
            let cause = Cause::of(view(id));
            (cause.is_none(), cause)
        }),
    }
    rows
}

/// How soon a person wants to see an image of this phase.
fn urgency(phase: Phase) -> u8 {
    match phase {
        Phase::Copying | Phase::Reading => 0,
        Phase::Waiting => 1,
        Phase::Failed => 2,
        Phase::Planned => 3,
        Phase::Queued => 4,
        Phase::Copied | Phase::UpToDate | Phase::Skipped | Phase::Kept => 5,
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

    fn filtered(text: &str, show: StatusFilter) -> Vec<u32> {
        let board = board([
            fixtures::failed(1, "said 401"),
            fixtures::retry_scheduled(3, 1, "said 503"),
        ]);
        ids(&rows(
            &board,
            &SpeedMeter::default(),
            &Filter::new(text),
            &show,
            Sort::List,
        ))
    }

    #[test]
    fn a_filter_finds_references_and_causes_in_any_case() {
        assert_eq!(filtered("App-2", StatusFilter::All), [2]);
        assert_eq!(filtered("b.example", StatusFilter::All), [0, 1, 2, 3]);
        assert_eq!(filtered("SAID 4", StatusFilter::All), [1]);
    }

    #[test]
    fn an_exclamation_mark_inverts_and_alone_shows_all() {
        assert_eq!(filtered("!app-2", StatusFilter::All), [0, 1, 3]);
        assert_eq!(filtered("!", StatusFilter::All), [0, 1, 2, 3]);
    }

    #[test]
    fn failures_are_failed_and_waiting_images_in_list_order() {
        assert_eq!(filtered("", StatusFilter::Failures), [1, 3]);
        assert_eq!(filtered("503", StatusFilter::Failures), [3]);
    }

    #[test]
    fn by_state_puts_images_in_flight_first_and_done_ones_last() {
        let board = board([
            fixtures::copied(0),
            fixtures::failed(1, "said 401"),
            fixtures::started(3, 1),
        ]);
        let filter = Filter::default();
        let rows = rows(
            &board,
            &SpeedMeter::default(),
            &filter,
            &StatusFilter::All,
            Sort::State,
        );
        assert_eq!(ids(&rows), [3, 1, 2, 0]);
    }

    #[test]
    fn sorting_comes_back_to_the_list_order() {
        let mut sort = Sort::List;
        for _ in 0..Sort::ALL.len() {
            sort = sort.next();
        }
        assert_eq!(sort, Sort::List);
    }

    #[test]
    fn between_slashes_stands_a_regular_expression() {
        assert_eq!(filtered("/APP-[12]:/", StatusFilter::All), [1, 2]);
        assert_eq!(filtered("!/app-[12]:/", StatusFilter::All), [0, 3]);
    }

    #[test]
    fn an_expression_that_is_not_one_yet_hides_nothing() {
        for text in ["/", "/app", "/[/", "!/(/"] {
            assert_eq!(filtered(text, StatusFilter::All), [0, 1, 2, 3], "{text}");
        }
        assert!(Filter::new("/[/").is_broken());
    }

    #[test]
    fn chips_show_one_state_each_and_go_round() {
        let shown = |show: StatusFilter| filtered("", show);
        assert_eq!(shown(StatusFilter::Failed), [1]);
        assert_eq!(shown(StatusFilter::Waiting), [3]);
        assert_eq!(shown(StatusFilter::Queued), [0, 2]);
        assert_eq!(shown(StatusFilter::Done), [0; 0]);
        assert_eq!(StatusFilter::All.step(-1), StatusFilter::Skipped);
        assert_eq!(StatusFilter::Skipped.step(1), StatusFilter::All);
    }

    #[test]
    fn by_cause_puts_equal_causes_together_and_images_without_one_last() {
        let board = board([
            fixtures::failed(0, "said 403"),
            fixtures::failed(2, "said 401"),
            fixtures::failed(3, "said 403"),
        ]);
        let filter = Filter::default();
        let rows = rows(
            &board,
            &SpeedMeter::default(),
            &filter,
            &StatusFilter::All,
            Sort::Cause,
        );
        assert_eq!(ids(&rows), [2, 0, 3, 1]);
    }
}
