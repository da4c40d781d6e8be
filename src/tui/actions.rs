//! What an action does, in the panes and in what lies over them.
//!
//! Decides what is sent to the batch and what is asked first; the batch decides whether it applies.
//! Invariant: no key press vanishes: it changes the picture, sends a command, or says why not.

use std::collections::BTreeSet;

use super::{
    help,
    keys::{Action, Mode},
    layout::Pane,
    model::{Effect, Model, Overlay},
    order::{Show, Sort},
};
use crate::{
    batch::{Command, JobId, Selection, State, StopMode},
    present::{Level, count},
};

/// How many images a question names before it only counts the rest.
const NAMED: usize = 6;

pub fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match (model.mode(), action) {
        (_, Action::Interrupt) => interrupt(model),
        (Mode::Panes, _) => act_on_panes(model, action),
        (Mode::Filter, _) => {
            model.overlays.pop();
            if action == Action::Back {
                model.images.set_filter("", &model.board);
            }
            Vec::new()
        }
        (Mode::Question, _) => match (model.overlays.pop(), action) {
            (Some(Overlay::Question { then, .. }), Action::Yes) => send(model, then),
            _ => Vec::new(),
        },
        (Mode::Leave, _) => {
            model.overlays.pop();
            match action {
                Action::Drain => stop(model, StopMode::Drain),
                Action::StopNow => stop(model, StopMode::Now),
                Action::TakeBack => stop(model, StopMode::Cancel),
                _ => Vec::new(),
            }
        }
        (Mode::Help, _) => {
            let page = help::height(model.size);
            if action == Action::Back {
                model.overlays.pop();
            } else if let Some(Overlay::Help { offset }) = model.overlays.last_mut() {
                *offset = scrolled(*offset, action, page);
            }
            Vec::new()
        }
    }
}

fn act_on_panes(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Up
        | Action::Down
        | Action::PageUp
        | Action::PageDown
        | Action::First
        | Action::Last => move_in_pane(model, action),
        Action::Follow => model.images.start_following(&model.board),
        Action::Mark => model.images.mark(),
        Action::Range => model.images.range_mark(),
        Action::MarkAll => model.images.mark_all(),
        Action::Retry => return on_targets(model, |jobs| Command::Retry { jobs }),
        Action::RetryAllFailed => retry_all_failed(model),
        Action::Skip => return skip(model),
        Action::Unskip => return on_targets(model, |jobs| Command::Unskip { jobs }),
        Action::Prioritize => return on_targets(model, |jobs| Command::Prioritize { jobs }),
        Action::PauseOrResume => {
            let command = match model.board.paused {
                true => Command::Resume,
                false => Command::Pause,
            };
            return send(model, command);
        }
        Action::MoreParallel => return change_parallel(model, 1),
        Action::LessParallel => return change_parallel(model, -1),
        Action::NextPane => model.focus = next_pane(model.focus),
        Action::PreviousPane => model.focus = next_pane(next_pane(model.focus)),
        Action::Zoom => model.zoomed = !model.zoomed,
        Action::Filter => {
            let input = tui_input::Input::new(model.images.filter().to_owned());
            model.overlays.push(Overlay::Filter(input));
        }
        Action::Failures => {
            let show = match model.images.show() {
                Show::All => Show::Failures,
                Show::Failures => Show::All,
            };
            model.images.set_show(show, &model.board);
        }
        Action::Sort => {
            let sort = model.images.sort().next();
            model.images.set_sort(sort, &model.board);
            model.say(Level::Info, format!("sorted by {}", sort.word()));
        }
        Action::Help => model.overlays.push(Overlay::Help { offset: 0 }),
        Action::Quit => return quit(model),
        Action::Suspend => return vec![Effect::Suspend],
        Action::Back => back(model),
        Action::Interrupt | Action::Yes | Action::Drain | Action::StopNow | Action::TakeBack => {}
    }
    Vec::new()
}

fn move_in_pane(model: &mut Model, action: Action) {
    let page = model.screen().lines(model.focus);
    match model.focus {
        Pane::Images => {
            let step = isize::try_from(page.max(1)).unwrap_or(isize::MAX);
            match action {
                Action::Up => model.images.step(-1),
                Action::Down => model.images.step(1),
                Action::PageUp => model.images.step(-step),
                Action::PageDown => model.images.step(step),
                Action::First => model.images.go(0),
                _ => model.images.go(usize::MAX),
            }
        }
        Pane::Detail => model.detail_offset = scrolled(model.detail_offset, action, page),
        Pane::Log => {
            // Counted from the newest line, so every direction is the other way round.
            let opposite = match action {
                Action::Up => Action::Down,
                Action::Down => Action::Up,
                Action::PageUp => Action::PageDown,
                Action::PageDown => Action::PageUp,
                Action::First => Action::Last,
                _ => Action::First,
            };
            model.log_offset = scrolled(model.log_offset, opposite, page);
        }
    }
}

/// An offset after scrolling; too far is mended once it is known how much there is.
fn scrolled(offset: usize, action: Action, page: usize) -> usize {
    match action {
        Action::Up => offset.saturating_sub(1),
        Action::Down => offset.saturating_add(1),
        Action::PageUp => offset.saturating_sub(page),
        Action::PageDown => offset.saturating_add(page),
        Action::First => 0,
        Action::Last => usize::MAX / 2,
        _ => offset,
    }
}

fn next_pane(pane: Pane) -> Pane {
    match pane {
        Pane::Images => Pane::Detail,
        Pane::Detail => Pane::Log,
        Pane::Log => Pane::Images,
    }
}

fn back(model: &mut Model) {
    if model.images.drop_range() {
    } else if model.zoomed {
        model.zoomed = false;
    } else if !model.images.filter().is_empty() {
        model.images.set_filter("", &model.board);
    } else if model.images.show() == Show::Failures {
        model.images.set_show(Show::All, &model.board);
    } else if model.images.has_marks() {
        model.images.clear_marks();
    } else if model.images.sort() != Sort::List {
        model.images.set_sort(Sort::List, &model.board);
    } else {
        model.focus = Pane::Images;
    }
}

/// Sends a command, unless nobody is there to take it.
fn send(model: &mut Model, command: Command) -> Vec<Effect> {
    if model.board.finished || model.engine_gone {
        let id = (model.board.batch.as_ref()).map_or_else(
            || "ID".into(),
            |id| crate::present::plain(&id.0).into_owned(),
        );
        model.say(
            Level::Warning,
            format!(
                "the batch is finished: q leaves, `transship resume {id} --retry-failed` retries"
            ),
        );
        return Vec::new();
    }
    vec![Effect::Send(command)]
}

/// Sends a command about the marked images, else the selected one; the marks have served then.
fn on_targets(model: &mut Model, command: impl FnOnce(Selection) -> Command) -> Vec<Effect> {
    let targets = model.images.targets();
    if targets.is_empty() {
        model.say(Level::Warning, "no image is selected");
        return Vec::new();
    }
    model.images.clear_marks();
    send(model, command(Selection::Jobs(targets)))
}

fn skip(model: &mut Model) -> Vec<Effect> {
    let running: BTreeSet<JobId> = (model.images.targets().into_iter())
        .filter(|job| {
            let view = model.board.job(*job);
            view.is_some_and(|view| view.state == State::Running)
        })
        .collect();
    if running.is_empty() {
        return on_targets(model, |jobs| Command::Skip { jobs });
    }
    let targets = model.images.targets();
    let question = match targets.len() == running.len() {
        true => format!(
            "Skip {}? What is under way is given up.",
            count(running.len(), "image")
        ),
        false => format!(
            "Skip {}? What is under way for {} of them is given up.",
            count(targets.len(), "image"),
            running.len()
        ),
    };
    let about = named(model, &running);
    model.images.clear_marks();
    model.overlays.push(Overlay::Question {
        question,
        about,
        then: Command::Skip {
            jobs: Selection::Jobs(targets),
        },
    });
    Vec::new()
}

fn retry_all_failed(model: &mut Model) {
    let failed: BTreeSet<JobId> = model.board.failed().collect();
    if failed.is_empty() {
        return model.say(Level::Info, "no image failed");
    }
    let about = named(model, &failed);
    model.overlays.push(Overlay::Question {
        question: format!("Retry {}?", count(failed.len(), "failed image")),
        about,
        then: Command::Retry {
            jobs: Selection::AllFailed,
        },
    });
}

/// The first few of these images, and how many there are besides.
fn named(model: &Model, jobs: &BTreeSet<JobId>) -> Vec<String> {
    let mut lines: Vec<String> = (jobs.iter().take(NAMED))
        .filter_map(|job| model.board.job(*job))
        .map(|view| view.job.source.to_string())
        .collect();
    if let Some(more) = jobs.len().checked_sub(NAMED).filter(|more| *more > 0) {
        lines.push(format!("and {more} more"));
    }
    lines
}

fn change_parallel(model: &mut Model, by: i16) -> Vec<Effect> {
    // Several presses may come before the first one is answered.
    let now = model.parallel_asked.unwrap_or(model.board.parallel);
    let images = now.saturating_add_signed(by).max(1);
    if images == now {
        model.say(Level::Info, "at least 1 image at once; p pauses");
        return Vec::new();
    }
    let effects = send(model, Command::SetParallel { images });
    if !effects.is_empty() {
        model.parallel_asked = Some(images);
    }
    effects
}

fn quit(model: &mut Model) -> Vec<Effect> {
    if model.board.finished || model.engine_gone {
        return vec![Effect::Leave];
    }
    if model.ended.is_some() {
        return stop(model, StopMode::Drain);
    }
    model.overlays.push(Overlay::Leave);
    Vec::new()
}

/// Once drains, twice stops, and a third time leaves whatever the engine does.
fn interrupt(model: &mut Model) -> Vec<Effect> {
    model.overlays.clear();
    if model.board.finished || model.engine_gone {
        return vec![Effect::Leave];
    }
    match model.stop_asked {
        None | Some(StopMode::Cancel) => stop(model, StopMode::Drain),
        Some(StopMode::Drain) => stop(model, StopMode::Now),
        Some(StopMode::Now) => vec![Effect::Leave],
    }
}

fn stop(model: &mut Model, mode: StopMode) -> Vec<Effect> {
    let effects = send(model, Command::Stop { mode });
    if !effects.is_empty() {
        model.stop_asked = Some(mode).filter(|mode| *mode != StopMode::Cancel);
    }
    effects
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        batch::{Event, StopReason},
        tui::fixtures::{copied, failed, listed, model, press, skipped, started, tell},
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

    #[test]
    fn actions_are_about_the_selected_image() {
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
    fn marked_images_come_before_the_selected_one_and_serve_once() {
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
            "Skip 4 images? What is under way for 1 of them is given up."
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
    fn quitting_with_images_in_flight_asks_what_becomes_of_them() {
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
    fn a_drain_taken_back_does_not_leave() {
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
            []
        );
        assert_eq!(press(&mut model, "j r"), []);
        assert!(notice(&model).contains("`transship resume b7 --retry-failed`"));
        assert_eq!(press(&mut model, "q"), [Effect::Leave]);
    }

    #[test]
    fn escape_takes_back_one_thing_at_a_time() {
        let mut model = mixed();
        press(&mut model, "space / a p p enter e enter v");
        for _ in 0..5 {
            press(&mut model, "esc");
        }
        assert!(!model.zoomed && !model.images.has_marks());
        assert_eq!(
            (model.images.filter(), model.images.show()),
            ("", Show::All)
        );
    }

    #[test]
    fn tab_goes_round_the_panes_and_keys_scroll_the_focused_one() {
        let mut model = mixed();
        let before = model.images.selected();
        press(&mut model, "tab j tab k");
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
        assert_eq!(model.images.filter(), "q");
        press(&mut model, "esc");
        assert_eq!(model.images.filter(), "");
    }
}
