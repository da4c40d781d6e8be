//! What an action does in the help and in the command palette, which lie over the panes.
//!
//! Decides how they are scrolled, searched and left; what a chosen command does is decided where its key is.

use super::{
    act,
    commands::{set_limit, set_parallel},
    scrolled, set_show, set_sort, set_theme,
};
use crate::{
    present::Level,
    tui::{
        keymap::Action,
        model::{Effect, Model, Overlay},
        palette::{self, Run},
    },
};

pub(super) fn read_help(model: &mut Model, action: Action) {
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

pub(super) fn choose(model: &mut Model, action: Action) -> Vec<Effect> {
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
