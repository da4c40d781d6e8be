//! What each action does in the panes and in the overlays of a batch.
//!
//! Decides what is sent to the batch and what is asked first; the batch decides whether a command applies.
//! Invariant: every key press changes the screen, sends a command or shows why it does neither.

mod commands;
mod export;
mod navigation;
mod overlays;
mod targets;
mod view_settings;

use tui_input::Input;

use self::{
    commands::{
        begin, change_limit, interrupt, on_targets, quit, retry_all_failed, send, set_limit,
        set_parallel, skip, stop,
    },
    export::{copy_failures, copy_references, write_list},
    navigation::{go_back, move_in_pane, step_pane},
    overlays::{act_on_help, act_on_palette},
    targets::target_views,
    view_settings::{set_filter, set_show, set_sort, set_theme},
};
use super::{
    browser_overlay,
    help::Help,
    keymap::{Action, Mode},
    layout::Pane,
    model::{Effect, Model, Overlay},
    palette::Run,
    status_filter::StatusFilter,
};
use crate::{
    batch::{Command, JobView, StopMode},
    present::Level,
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
            act_on_help(model, action);
            Vec::new()
        }
        (Mode::Palette, _) => match act_on_palette(model, action) {
            Some(run) => run_command(model, run),
            None => Vec::new(),
        },
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
        Action::Range => model.images.mark_range(),
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
            let shown = match model.log.min_level() {
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
        Action::Help => model.overlays.push(Overlay::Help(Help::default())),
        Action::Quit => return quit(model),
        Action::Suspend => return vec![Effect::Suspend],
        Action::Back => go_back(model),
        Action::Interrupt | Action::Yes | Action::Drain | Action::StopNow | Action::TakeBack => {}
    }
    Vec::new()
}

fn run_command(model: &mut Model, run: Run) -> Vec<Effect> {
    match run {
        Run::Act(action) => return act_on_panes(model, action),
        Run::Sort(sort) => set_sort(model, sort),
        Run::Show(show) => set_show(model, show),
        Run::Theme(theme) => set_theme(model, theme),
        Run::Parallel(images) => return set_parallel(model, images),
        Run::Limit(limit) => return set_limit(model, limit),
    }
    Vec::new()
}

fn open_browser(model: &mut Model) -> Vec<Effect> {
    let images: Vec<JobView> = target_views(model).into_iter().cloned().collect();
    if images.is_empty() {
        model.say(Level::Info, "no image is selected");
        return Vec::new();
    }
    browser_overlay::open(model, &images)
}

#[cfg(test)]
mod tests;
