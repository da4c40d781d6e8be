//! The rows of the table: the images that both filters show, in order.

use super::{sort::Sort, status_filter::StatusFilter, text_filter::TextFilter};
use crate::batch::{Board, JobId, SpeedMeter};

#[must_use]
pub fn rows(
    board: &Board,
    meter: &SpeedMeter,
    filter: &TextFilter,
    show: &StatusFilter,
    sort: Sort,
) -> Vec<JobId> {
    let mut text = String::new();
    let mut rows = show.candidates(board);
    rows.retain(|id| filter.matches(&board.jobs()[id.index()], &mut text));
    sort.sort(&mut rows, board, meter);
    rows
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
            &TextFilter::new(text),
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
        let filter = TextFilter::default();
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
    fn between_slashes_stands_a_regular_expression() {
        assert_eq!(filtered("/APP-[12]:/", StatusFilter::All), [1, 2]);
        assert_eq!(filtered("!/app-[12]:/", StatusFilter::All), [0, 3]);
    }

    #[test]
    fn an_expression_that_is_not_one_yet_hides_nothing() {
        for text in ["/", "/app", "/[/", "!/(/"] {
            assert_eq!(filtered(text, StatusFilter::All), [0, 1, 2, 3], "{text}");
        }
        assert!(TextFilter::new("/[/").is_broken());
    }

    #[test]
    fn status_filters_show_one_state_each_and_form_a_cycle() {
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
        let filter = TextFilter::default();
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
