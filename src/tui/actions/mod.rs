//! What an action does, in the panes and in what lies over them.
//!
//! Decides what is sent to the batch and what is asked first; the batch decides whether it applies.
//! Invariant: no key press vanishes: it changes the picture, sends a command, or says why not.

mod commands;
mod overlays;

use std::collections::BTreeSet;

use tui_input::Input;

use self::{
    commands::{
        begin, change_limit, interrupt, on_targets, quit, retry_all_failed, send, skip, stop,
    },
    overlays::{choose, read_help},
};
use super::{
    browser_overlay,
    dispatch::KeyTarget as _,
    keymap::{Action, Mode},
    layout::Pane,
    model::{Effect, Model, Overlay},
    order::{Sort, StatusFilter},
    theme::Theme,
};
use crate::{
    batch::{Command, Job, JobId, JobView, StopMode},
    present::{Level, count, failure, sanitize},
};

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
        Action::Begin => return begin(model),
        Action::PauseOrResume => {
            let command = match model.board.paused {
                true => Command::Resume,
                false => Command::Pause,
            };
            return send(model, command);
        }
        Action::Look => return open_browser(model),
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
                StatusFilter::All => StatusFilter::Failures,
                _ => StatusFilter::All,
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
    model
        .images
        .set_filter(text, &model.board, &model.stats.speed);
}

fn set_show(model: &mut Model, show: StatusFilter) {
    model
        .images
        .set_show(show, &model.board, &model.stats.speed);
}

fn set_sort(model: &mut Model, sort: Sort) {
    model
        .images
        .set_sort(sort, &model.board, &model.stats.speed);
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

fn open_browser(model: &mut Model) -> Vec<Effect> {
    let images: Vec<JobView> = target_views(model).into_iter().cloned().collect();
    if images.is_empty() {
        model.say(Level::Info, "no image is selected");
        return Vec::new();
    }
    browser_overlay::open(model, &images)
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
        .map(|view| view.job.spec.source.to_string())
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
                .map(|step| format!("\n  {}", sanitize(step)));
            let name = &view.job.spec.source;
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
    } else if *model.images.show() != StatusFilter::All {
        set_show(model, StatusFilter::All);
    } else if model.images.has_marks() {
        model.images.clear_marks();
    } else if model.images.sort() != Sort::List {
        model
            .images
            .set_sort(Sort::List, &model.board, &model.stats.speed);
    } else if model.log.only().is_some() {
        model.log.show_only(None);
    } else {
        model.give_focus(Pane::Images);
    }
}

#[cfg(test)]
mod tests;
