//! What keys do: before, keys, after.

use std::time::Duration;

use super::*;
use crate::{
    batch::{Event, JobId, QueueReason, Selection, StopReason},
    tui::{
        fixtures::{
            copied, failed, listed, model, preflighted, press, skipped, started, tell, tick,
        },
        model::Msg,
        sort::Sort,
        update::update,
    },
};

fn jobs(ids: &[u32]) -> Selection {
    Selection::Jobs(ids.iter().map(|id| JobId(*id)).collect())
}

fn sends(command: Command) -> [Effect; 1] {
    [Effect::Send(command)]
}

fn stops(mode: StopMode) -> [Effect; 1] {
    sends(Command::Stop { mode })
}

fn notice(model: &Model) -> &str {
    model.notice.as_ref().map_or("", |notice| &notice.text)
}

/// Four images: in flight, failed, copied, queued.
fn mixed() -> Model {
    let events = [
        started(0, 1),
        started(1, 1),
        failed(1, "said 401"),
        copied(2),
    ];
    model(listed(4).into_iter().chain(events))
}

/// A review of three images: planned, in preflight, queued.
fn reviewed() -> Model {
    let mut model = model(listed(3).into_iter().chain([Event::ReviewStarted]));
    tell(&mut model, preflighted(0, &[10, 20], &[1]));
    tell(&mut model, [started(1, 1)]);
    model
}

#[test]
fn b_begins_at_once_when_every_image_is_planned() {
    let mut model = reviewed();
    tell(&mut model, preflighted(1, &[10, 20], &[]));
    tell(&mut model, preflighted(2, &[10, 20], &[]));
    assert_eq!(press(&mut model, "b"), sends(Command::Begin));
    tell(&mut model, [Event::ReviewEnded]);
    assert_eq!(press(&mut model, "b"), []);
    assert_eq!(notice(&model), "no review is in progress");
}

#[test]
fn b_asks_first_while_images_are_not_planned_and_enter_means_no() {
    let mut model = reviewed();
    assert_eq!(press(&mut model, "b"), []);
    let Some(Overlay::Question { question, .. }) = model.overlays.last() else {
        panic!("it asks");
    };
    assert_eq!(question, "Begin now? 2 images are not planned yet.");
    assert_eq!(press(&mut model, "enter"), []);
    assert_eq!(press(&mut model, "b y"), sends(Command::Begin));
}

#[test]
fn in_a_review_skipping_asks_nothing_as_no_work_is_discarded() {
    let mut model = reviewed();
    for (row, keys) in [(0, "g s"), (1, "j s"), (2, "j s")] {
        let skip = Command::Skip { jobs: jobs(&[row]) };
        assert_eq!(press(&mut model, keys), sends(skip));
    }
}

#[test]
fn a_filter_selects_what_it_finds_until_the_operator_has_chosen_an_image() {
    let mut model = reviewed();
    tick(&mut model, 2);
    assert_eq!(model.images.selected(), Some(JobId(0)));
    let skip = Command::Skip { jobs: jobs(&[2]) };
    assert_eq!(press(&mut model, "/ p - 2 enter s"), sends(skip));
}

#[test]
fn skipping_and_unskipping_changes_the_plan() {
    let mut model = reviewed();
    let copy = |model: &Model| model.plan.amounts().copy;
    assert_eq!(copy(&model), 10);
    tell(&mut model, [skipped(0)]);
    assert_eq!(copy(&model), 0);
    let (job, why) = (JobId(0), QueueReason::User);
    tell(&mut model, [Event::JobQueued { job, why }]);
    assert_eq!(copy(&model), 10);
}

#[test]
fn a_review_can_be_left_and_nothing_moves_once_it_is_complete() {
    let mut model = reviewed();
    assert!(model.is_lively());
    tell(&mut model, preflighted(1, &[10], &[]));
    tell(&mut model, preflighted(2, &[10], &[]));
    assert!(!model.is_lively());
    assert_eq!(press(&mut model, "q s"), stops(StopMode::Now));
}

#[test]
fn the_time_of_a_review_is_not_the_batchs() {
    let mut model = reviewed();
    tick(&mut model, 60);
    assert_eq!(model.elapsed(), Duration::from_secs(60));
    tell(&mut model, [Event::ReviewEnded]);
    tick(&mut model, 70);
    assert_eq!(model.elapsed(), Duration::from_secs(10));
}

#[test]
fn actions_apply_to_the_selected_image() {
    let mut model = mixed();
    assert_eq!(
        press(&mut model, "j r"),
        sends(Command::Retry { jobs: jobs(&[1]) })
    );
    assert_eq!(
        press(&mut model, "G f"),
        sends(Command::Prioritize { jobs: jobs(&[3]) })
    );
    assert_eq!(
        press(&mut model, "s"),
        sends(Command::Skip { jobs: jobs(&[3]) })
    );
    assert_eq!(
        press(&mut model, "u"),
        sends(Command::Unskip { jobs: jobs(&[3]) })
    );
}

#[test]
fn actions_apply_to_marked_images_first_and_clear_the_marks() {
    let mut model = mixed();
    let retry = |ids: &[u32]| sends(Command::Retry { jobs: jobs(ids) });
    assert_eq!(press(&mut model, "j space space r"), retry(&[1, 2]));
    assert_eq!(press(&mut model, "r"), retry(&[3]));
}

#[test]
fn skipping_an_image_in_flight_asks_first_and_enter_means_no() {
    let mut model = mixed();
    assert_eq!(press(&mut model, "g s"), []);
    assert!(matches!(model.overlays[..], [Overlay::Question { .. }]));
    assert_eq!(press(&mut model, "enter"), []);
    assert_eq!(model.mode(), Mode::Panes);
    assert_eq!(
        press(&mut model, "s y"),
        sends(Command::Skip { jobs: jobs(&[0]) })
    );
}

#[test]
fn a_question_about_marked_images_says_how_many_lose_work() {
    let mut model = mixed();
    press(&mut model, "a s");
    let Some(Overlay::Question {
        question, about, ..
    }) = model.overlays.last()
    else {
        panic!("no question");
    };
    assert_eq!(
        question,
        "Skip 4 images? The work so far on 1 of them is discarded."
    );
    assert_eq!(about[..], ["a.example/team/app-0:1"]);
}

#[test]
fn retrying_all_failed_images_asks_with_their_number() {
    let mut model = mixed();
    press(&mut model, "R");
    let Some(Overlay::Question { question, .. }) = model.overlays.last() else {
        panic!("no question");
    };
    assert_eq!(question, "Retry 1 failed image?");
    let all = Selection::AllFailed;
    assert_eq!(press(&mut model, "y"), sends(Command::Retry { jobs: all }));
}

#[test]
fn with_no_failure_there_is_nothing_to_ask() {
    let mut model = model(listed(2));
    assert_eq!(press(&mut model, "R"), []);
    assert_eq!(notice(&model), "no image failed");
}

#[test]
fn the_same_key_pauses_and_goes_on() {
    let mut model = mixed();
    assert_eq!(press(&mut model, "p"), sends(Command::Pause));
    tell(&mut model, [Event::BatchPaused]);
    assert_eq!(press(&mut model, "p"), sends(Command::Resume));
}

#[test]
fn fast_presses_add_up_before_the_first_is_answered() {
    let mut model = mixed();
    let set = |images| Effect::Send(Command::SetParallel { images });
    assert_eq!(
        press(&mut model, "+ + = -"),
        [set(5), set(6), set(7), set(6)]
    );
    tell(&mut model, [Event::ParallelChanged { images: 1 }]);
    assert_eq!(press(&mut model, "-"), []);
    assert_eq!(notice(&model), "at least 1 image at once; p pauses");
}

#[test]
fn quitting_with_images_in_flight_asks_what_to_do_with_them() {
    for (key, effects) in [
        ("d", &stops(StopMode::Drain)[..]),
        ("s", &stops(StopMode::Now)),
        ("esc", &[]),
        ("q", &[]),
    ] {
        let mut model = mixed();
        assert_eq!(press(&mut model, "q"), []);
        assert!(matches!(model.overlays[..], [Overlay::Leave]));
        assert_eq!(press(&mut model, key), effects, "{key}");
        assert_eq!(model.mode(), Mode::Panes);
    }
}

#[test]
fn quitting_when_all_images_ended_lets_the_batch_finish_and_leaves() {
    let mut model = model(listed(2).into_iter().chain([copied(0), skipped(1)]));
    assert_eq!(press(&mut model, "q"), stops(StopMode::Drain));
    let finished = Event::BatchFinished { stopped_by: None };
    assert_eq!(tell(&mut model, [finished]), [Effect::Leave]);
}

#[test]
fn control_c_drains_then_stops_then_leaves() {
    let mut model = mixed();
    assert_eq!(press(&mut model, "ctrl-c"), stops(StopMode::Drain));
    assert_eq!(press(&mut model, "ctrl-c"), stops(StopMode::Now));
    assert_eq!(press(&mut model, "ctrl-c"), [Effect::Leave]);
}

#[test]
fn control_c_works_from_every_overlay() {
    for keys in ["? ctrl-c", "/ x ctrl-c", "q ctrl-c", "R ctrl-c"] {
        let mut model = mixed();
        assert_eq!(press(&mut model, keys), stops(StopMode::Drain), "{keys}");
        assert_eq!(model.mode(), Mode::Panes);
    }
}

#[test]
fn a_cancelled_drain_does_not_leave() {
    let mut model = mixed();
    press(&mut model, "q d");
    let drain = Event::StopRequested {
        mode: StopMode::Drain,
    };
    tell(&mut model, [drain]);
    assert_eq!(press(&mut model, "q c"), stops(StopMode::Cancel));
    let cancel = Event::StopRequested {
        mode: StopMode::Cancel,
    };
    tell(&mut model, [cancel]);
    assert_eq!(press(&mut model, "ctrl-c"), stops(StopMode::Drain));
}

#[test]
fn after_the_batch_a_retry_says_which_command_retries() {
    let mut model = mixed();
    let lost = Some(StopReason::JournalLost);
    assert_eq!(
        tell(&mut model, [Event::BatchFinished { stopped_by: lost }]),
        [Effect::Announce]
    );
    assert_eq!(press(&mut model, "j r"), []);
    assert!(notice(&model).contains("`transship resume b7 --retry-failed`"));
    assert_eq!(press(&mut model, "q"), [Effect::Leave]);
}

#[test]
fn escape_undoes_one_thing_at_a_time() {
    let mut model = mixed();
    press(&mut model, "space / a p p enter e enter v");
    for _ in 0..5 {
        press(&mut model, "esc");
    }
    assert!(!model.zoomed && !model.images.has_marks());
    assert_eq!(
        (model.images.filter().text(), model.images.show()),
        ("", &StatusFilter::All)
    );
}

#[test]
fn tab_cycles_through_the_panes_and_keys_scroll_the_focused_one() {
    let mut model = mixed();
    let before = model.images.selected();
    press(&mut model, "tab j tab k tab j tab k");
    assert_eq!((model.focus, model.images.selected()), (Pane::Log, before));
    press(&mut model, "tab");
    assert_eq!(model.focus, Pane::Images);
    press(&mut model, "shift-tab");
    assert_eq!(model.focus, Pane::Log);
}

#[test]
fn a_letter_in_the_filter_is_text_and_not_an_action() {
    let mut model = mixed();
    assert_eq!(press(&mut model, "/ q R backspace"), []);
    assert_eq!(model.images.filter().text(), "q");
    press(&mut model, "esc");
    assert_eq!(model.images.filter().text(), "");
}

#[test]
fn the_selected_cause_stands_for_its_images() {
    let events = [
        failed(0, "said 401"),
        failed(2, "said 401"),
        failed(3, "said 403"),
    ];
    let mut model = model(listed(4).into_iter().chain(events));
    assert_eq!(
        press(&mut model, "4 r"),
        sends(Command::Retry {
            jobs: jobs(&[0, 2])
        })
    );
    press(&mut model, "space");
    assert_eq!(model.images.marked().len(), 2);
    press(&mut model, "space j enter");
    assert_eq!(model.images.rows(), [JobId(3)]);
    assert_eq!(model.focus, Pane::Images);
}

#[test]
fn failed_images_are_written_as_a_list_and_the_file_is_named() {
    let mut model = mixed();
    let effects = press(&mut model, "W");
    let [Effect::WriteList(written)] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(written[0].id, JobId(1));
    update(&mut model, Msg::ListWritten(Ok((1, "x.toml".into()))));
    assert_eq!(notice(&model), "wrote 1 image to x.toml");
}

#[test]
fn references_and_whole_failures_can_be_copied() {
    let mut model = mixed();
    assert_eq!(
        press(&mut model, "space space y"),
        [Effect::Copy(
            "a.example/team/app-0:1\na.example/team/app-1:1".into()
        )]
    );
    assert_eq!(
        press(&mut model, "Y"),
        [Effect::Copy(
            "a.example/team/app-1:1: source said 401".into()
        )]
    );
    press(&mut model, "esc G");
    assert_eq!(press(&mut model, "Y"), []);
    assert_eq!(notice(&model), "nothing failed here");
}

#[test]
fn a_command_is_found_by_its_name_and_run() {
    let mut model = mixed();
    press(&mut model, ": s o r t space s i z e enter");
    assert_eq!(model.images.sort(), Sort::Size);
    assert_eq!(
        press(&mut model, ": p a r a l l e l space 9 enter"),
        sends(Command::SetParallel { images: 9 })
    );
    press(&mut model, ": n o n e space s u c h enter");
    assert_eq!(notice(&model), "there is no such command");
    press(&mut model, ": esc");
    assert_eq!(model.mode(), Mode::Panes);
}

#[test]
fn escape_ends_a_search_in_the_help_before_it_closes_the_help() {
    let mut model = mixed();
    press(&mut model, "? / m o u n t enter");
    assert_eq!(model.mode(), Mode::Help);
    press(&mut model, "esc");
    assert_eq!(model.mode(), Mode::Help);
    press(&mut model, "esc");
    assert_eq!(model.mode(), Mode::Panes);
}

#[test]
fn the_log_can_show_one_image_and_one_level() {
    let mut model = mixed();
    let all = model.log.shown_len();
    press(&mut model, "j L");
    assert_eq!(model.log.shown_len(), 2);
    press(&mut model, "l l");
    assert_eq!(model.log.shown_len(), 1);
    press(&mut model, "l L");
    assert_eq!(model.log.shown_len(), all);
}

#[test]
fn the_end_is_announced_once_unless_the_operator_asked_for_it() {
    let mut model = model(listed(2));
    let ends = [started(0, 1), copied(0), copied(1)];
    assert_eq!(tell(&mut model, ends), [Effect::Announce]);
    assert_eq!(tell(&mut model, [Event::BatchPaused]), []);
}
