//! What an action does in the help and in the command palette.

use crate::{
    present::Level,
    tui::{
        keymap::Action,
        model::{Model, Overlay},
        palette::{self, Run},
        scroll::scrolled,
    },
};

pub(super) fn act_on_help(model: &mut Model, action: Action) {
    let page = usize::from(model.size.height.saturating_sub(4));
    let Some(Overlay::Help(help)) = model.overlays.last_mut() else {
        return;
    };
    match action {
        Action::Filter => help.is_typing = true,
        Action::Yes => help.is_typing = false,
        // The first press ends the search, the next one closes the help.
        Action::Back if help.is_typing || !help.search.value().is_empty() => {
            help.is_typing = false;
            help.search.reset();
        }
        Action::Back => drop(model.overlays.pop()),
        _ => help.offset = scrolled(help.offset, action, page),
    }
}

/// Returns the command to run, if one was chosen.
pub(super) fn act_on_palette(model: &mut Model, action: Action) -> Option<Run> {
    let Some(Overlay::Palette { input, at }) = model.overlays.last_mut() else {
        return None;
    };
    match action {
        Action::Up => *at = at.saturating_sub(1),
        // `update` limits it to the number of commands.
        Action::Down => *at += 1,
        Action::Yes => {
            let entries = palette::entries(&model.options.keys, input.value());
            let chosen = entries.into_iter().nth(*at);
            model.overlays.pop();
            if chosen.is_none() {
                model.say(Level::Warning, "there is no such command");
            }
            return chosen.map(|entry| entry.run);
        }
        _ => drop(model.overlays.pop()),
    }
    None
}
