//! What an action does, in the panes and in what lies over them.
//!
//! Decides what is sent to the batch and what is asked first; the batch decides whether it applies.
//! Invariant: no key press vanishes: it changes the picture, sends a command, or says why not.

use std::collections::BTreeSet;

use tui_input::Input;

use super::{
    keys::{Action, Mode},
    layout::Pane,
    looking,
    model::{Effect, Model, Overlay},
    order::{Show, Sort},
    palette::{self, Run},
    theme::Theme,
};
use crate::{
    batch::{Command, Job, JobId, JobView, LaneLimit, Selection, State, StopMode},
    present::{Level, count, failure, plain, rate},
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
                set_filter(model, "");
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
        (Mode::Help | Mode::Search, _) => {
            read_help(model, action);
            Vec::new()
        }
        (Mode::Palette, _) => choose(model, action),
    }
}

fn read_help(model: &mut Model, action: Action) {
    let page = usize::from(model.size.height.saturating_sub(4));
    let Some(Overlay::Help {
        offset,
        search,
        typing,
    }) = model.overlays.last_mut()
    else {
        return;
    };
    match action {
        Action::Filter => *typing = true,
        Action::Yes => *typing = false,
        // What was found is taken back before the help is.
        Action::Back if *typing || !search.value().is_empty() => {
            *typing = false;
            search.reset();
        }
        Action::Back => drop(model.overlays.pop()),
        _ => *offset = scrolled(*offset, action, page),
    }
}

fn choose(model: &mut Model, action: Action) -> Vec<Effect> {
    let Some(Overlay::Palette { input, at }) = model.overlays.last_mut() else {
        return Vec::new();
    };
    match action {
        Action::Up => *at = at.saturating_sub(1),
        // Too far is mended once it is known how many there are.
        Action::Down => *at += 1,
        Action::Yes => {
            let entries = palette::entries(&model.options.keys, input.value());
            let chosen = entries.into_iter().nth(*at);
            model.overlays.pop();
            return match chosen {
                Some(entry) => run(model, entry.run),
                None => {
                    model.say(Level::Warning, "there is no such command");
                    Vec::new()
                }
            };
        }
        _ => drop(model.overlays.pop()),
    }
    Vec::new()
}

fn run(model: &mut Model, run: Run) -> Vec<Effect> {
    match run {
        Run::Act(action) => return act(model, action),
        Run::Sort(sort) => set_sort(model, sort),
        Run::Show(show) => set_show(model, show),
        Run::Theme(theme) => set_theme(model, theme),
        Run::Parallel(images) => return set_parallel(model, images),
        Run::Limit(limit) => return set_limit(model, limit),
    }
    Vec::new()
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
        Action::Mark if model.focus == Pane::Failures => {
            model.images.mark_these(&model.failures.targets());
        }
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
        Action::Look => return look(model),
        Action::CopyReference => return copy_references(model),
        Action::CopyFailure => return copy_failures(model),
        Action::WriteList => return write_list(model),
        Action::More => return change_limit(model, 1),
        Action::Fewer => return change_limit(model, -1),
        Action::NextPane => model.give_focus(step_pane(model.focus, 1)),
        Action::PreviousPane => model.give_focus(step_pane(model.focus, Pane::ALL.len() - 1)),
        Action::ToImages => model.give_focus(Pane::Images),
        Action::ToDetail => model.give_focus(Pane::Detail),
        Action::ToRegistries => model.give_focus(Pane::Registries),
        Action::ToFailures => model.give_focus(Pane::Failures),
        Action::ToLog => model.give_focus(Pane::Log),
        Action::Enter => match (model.focus, model.failures.show()) {
            (Pane::Failures, Some(show)) => {
                set_show(model, show);
                model.images.go(0);
                model.give_focus(Pane::Images);
                model.zoomed = false;
            }
            _ => model.zoomed = !model.zoomed,
        },
        Action::Zoom => model.zoomed = !model.zoomed,
        Action::Filter => {
            let input = Input::new(model.images.filter().text().to_owned());
            model.overlays.push(Overlay::Filter(input));
        }
        Action::Failures => {
            let show = match model.images.show() {
                Show::All => Show::Failures,
                _ => Show::All,
            };
            set_show(model, show);
        }
        Action::NextShow => set_show(model, model.images.show().step(1)),
        Action::PreviousShow => set_show(model, model.images.show().step(-1)),
        Action::Sort => set_sort(model, model.images.sort().next()),
        Action::LogLevel => {
            model.log.next_level();
            let shown = match model.log.least() {
                None | Some(Level::Info | Level::Good) => "the log shows everything",
                Some(Level::Warning) => "the log shows warnings and errors",
                Some(Level::Error) => "the log shows errors only",
            };
            model.say(Level::Info, shown);
        }
        Action::LogImage => {
            let only = match model.log.only() {
                Some(_) => None,
                None => model.images.selected(),
            };
            model.log.show_only(only);
            let shown = match only {
                Some(_) => "the log shows only the selected image; L shows all",
                None => "the log shows all images",
            };
            model.say(Level::Info, shown);
        }
        Action::Theme => set_theme(model, model.options.theme.next()),
        Action::Palette => model.overlays.push(Overlay::Palette {
            input: Input::default(),
            at: 0,
        }),
        Action::Help => model.overlays.push(Overlay::Help {
            offset: 0,
            search: Input::default(),
            typing: false,
        }),
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
        Pane::Failures => {
            let to = scrolled(model.failures.at(), action, page.max(1));
            model.failures.go(to);
        }
        Pane::Registries => {
            let (_, at) = model.registries.rows(&model.board);
            let to = scrolled(at, action, page.max(1));
            model.registries.go(to, &model.board);
        }
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

fn step_pane(pane: Pane, by: usize) -> Pane {
    let at = Pane::ALL.iter().position(|other| *other == pane);
    Pane::ALL[(at.unwrap_or(0) + by) % Pane::ALL.len()]
}

fn set_filter(model: &mut Model, text: &str) {
    model.images.set_filter(text, &model.board, &model.meter);
}

fn set_show(model: &mut Model, show: Show) {
    model.images.set_show(show, &model.board, &model.meter);
}

fn set_sort(model: &mut Model, sort: Sort) {
    model.images.set_sort(sort, &model.board, &model.meter);
    model.say(Level::Info, format!("sorted by {}", sort.word()));
}

fn set_theme(model: &mut Model, theme: Theme) {
    model.options.theme = theme;
    model.say(Level::Info, format!("the {} theme", theme.word()));
}

/// What an action is about: the marked images, else those of the selected cause or the selected one.
fn targets(model: &Model) -> BTreeSet<JobId> {
    match model.focus {
        Pane::Failures if !model.images.has_marks() => model.failures.targets(),
        _ => model.images.targets(),
    }
}

fn target_views(model: &Model) -> Vec<&JobView> {
    (targets(model).iter())
        .filter_map(|job| model.board.job(*job))
        .collect()
}

fn look(model: &mut Model) -> Vec<Effect> {
    let images: Vec<JobView> = target_views(model).into_iter().cloned().collect();
    if images.is_empty() {
        model.say(Level::Info, "no image is selected");
        return Vec::new();
    }
    looking::open(&mut model.looking, &images, &model.options, model.size)
}

fn copy_references(model: &mut Model) -> Vec<Effect> {
    if model.focus == Pane::Registries {
        let lane = model.registries.selected(&model.board);
        let names: Vec<String> = lane
            .map(|lane| lane.registry.to_string())
            .into_iter()
            .collect();
        return copy(model, &names, "name", "no registry was asked yet");
    }
    let references: Vec<String> = (target_views(model).iter())
        .map(|view| view.job.source.to_string())
        .collect();
    copy(model, &references, "reference", "no image is selected")
}

fn copy_failures(model: &mut Model) -> Vec<Effect> {
    let failures: Vec<String> = (target_views(model).iter())
        .filter_map(|view| {
            let cause = view.cause()?;
            let chain = cause
                .chain
                .iter()
                .map(|step| format!("\n  {}", plain(step)));
            let name = &view.job.source;
            Some(format!(
                "{name}: {}{}",
                failure(cause),
                chain.collect::<String>()
            ))
        })
        .collect();
    copy(model, &failures, "failure", "nothing failed here")
}

fn copy(model: &mut Model, texts: &[String], noun: &str, none: &str) -> Vec<Effect> {
    if texts.is_empty() {
        model.say(Level::Warning, none);
        return Vec::new();
    }
    model.say(Level::Info, format!("copied {}", count(texts.len(), noun)));
    vec![Effect::Copy(texts.join("\n"))]
}

fn write_list(model: &mut Model) -> Vec<Effect> {
    let chosen = match model.images.has_marks() || model.focus == Pane::Failures {
        true => targets(model),
        false => model.board.failed().collect(),
    };
    let jobs: Vec<Job> = (chosen.iter())
        .filter_map(|job| model.board.job(*job))
        .map(|view| view.job.clone())
        .collect();
    if jobs.is_empty() {
        model.say(Level::Warning, "no image failed; mark those to write");
        return Vec::new();
    }
    vec![Effect::WriteList(jobs)]
}

fn back(model: &mut Model) {
    if model.images.drop_range() {
    } else if model.zoomed {
        model.zoomed = false;
    } else if !model.images.filter().text().is_empty() {
        set_filter(model, "");
    } else if *model.images.show() != Show::All {
        set_show(model, Show::All);
    } else if model.images.has_marks() {
        model.images.clear_marks();
    } else if model.images.sort() != Sort::List {
        model
            .images
            .set_sort(Sort::List, &model.board, &model.meter);
    } else if model.log.only().is_some() {
        model.log.show_only(None);
    } else {
        model.give_focus(Pane::Images);
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
    let targets = targets(model);
    if targets.is_empty() {
        model.say(Level::Warning, "no image is selected");
        return Vec::new();
    }
    model.images.clear_marks();
    send(model, command(Selection::Jobs(targets)))
}

fn skip(model: &mut Model) -> Vec<Effect> {
    let targets = targets(model);
    let running: BTreeSet<JobId> = (targets.iter().copied())
        .filter(|job| {
            let view = model.board.job(*job);
            view.is_some_and(|view| view.state == State::Running)
        })
        .collect();
    if running.is_empty() {
        return on_targets(model, |jobs| Command::Skip { jobs });
    }
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

fn change_limit(model: &mut Model, by: i16) -> Vec<Effect> {
    if model.focus == Pane::Registries {
        return change_streams(model, by);
    }
    // Several presses may come before the first one is answered.
    let now = model.parallel_asked.unwrap_or(model.board.parallel);
    let images = now.saturating_add_signed(by).max(1);
    if images == now {
        model.say(Level::Info, "at least 1 image at once; p pauses");
        return Vec::new();
    }
    set_parallel(model, images)
}

fn change_streams(model: &mut Model, by: i16) -> Vec<Effect> {
    let Some(lane) = model.registries.selected(&model.board) else {
        model.say(Level::Warning, "no registry was asked yet");
        return Vec::new();
    };
    let asked = model.registries.asked.get(&lane.registry).copied();
    let now = asked.unwrap_or(lane.stream_ceiling);
    let streams = now.saturating_add_signed(by).max(1);
    if streams == now {
        model.say(Level::Info, "at least 1 stream; p pauses");
        return Vec::new();
    }
    set_limit(model, LaneLimit::Streams(streams))
}

/// Changes a limit of the selected registry.
fn set_limit(model: &mut Model, limit: LaneLimit) -> Vec<Effect> {
    let Some(lane) = model.registries.selected(&model.board) else {
        model.say(Level::Warning, "no registry was asked yet");
        return Vec::new();
    };
    let registry = lane.registry.clone();
    let text = match limit {
        LaneLimit::Streams(streams) => count(usize::from(streams), "stream"),
        LaneLimit::RequestsPerSecond(limit) => limit.map_or("any requests/s".into(), |limit| {
            format!("{limit} requests/s")
        }),
        LaneLimit::BytesPerSecond(limit) => limit.map_or("any speed".into(), rate),
    };
    let command = Command::SetLimit {
        registry: registry.clone(),
        limit,
    };
    let effects = send(model, command);
    if !effects.is_empty() {
        model.say(Level::Info, format!("{registry}: at most {text}"));
        if let LaneLimit::Streams(streams) = limit {
            model.registries.asked.insert(registry, streams);
        }
    }
    effects
}

fn set_parallel(model: &mut Model, images: u16) -> Vec<Effect> {
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
        tui::{
            fixtures::{copied, failed, listed, model, press, skipped, started, tell},
            model::Msg,
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
            [Effect::Announce]
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
            (model.images.filter().text(), model.images.show()),
            ("", &Show::All)
        );
    }

    #[test]
    fn tab_goes_round_the_panes_and_keys_scroll_the_focused_one() {
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
    fn failed_images_are_written_as_a_list_and_the_answer_is_said() {
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
    fn a_search_in_the_help_is_taken_back_before_the_help() {
        let mut model = mixed();
        press(&mut model, "? / m o u n t enter");
        assert_eq!(model.mode(), Mode::Help);
        press(&mut model, "esc");
        assert_eq!(model.mode(), Mode::Help);
        press(&mut model, "esc");
        assert_eq!(model.mode(), Mode::Panes);
    }

    #[test]
    fn the_log_can_be_about_one_image_and_of_one_level() {
        let mut model = mixed();
        let all = model.log.len();
        press(&mut model, "j L");
        assert_eq!(model.log.len(), 2);
        press(&mut model, "l l");
        assert_eq!(model.log.len(), 1);
        press(&mut model, "l L");
        assert_eq!(model.log.len(), all);
    }

    #[test]
    fn the_end_is_announced_once_and_not_to_who_asked_for_it() {
        let mut model = model(listed(2));
        let ends = [started(0, 1), copied(0), copied(1)];
        assert_eq!(tell(&mut model, ends), [Effect::Announce]);
        assert_eq!(tell(&mut model, [Event::BatchPaused]), []);
    }
}
