//! What each action does in the browser.
//!
//! Invariant: a key without effect shows why it has none.

mod comparing;
mod images;
mod marking;
mod navigation;
mod raw;
mod reload;

use tui_input::Input;

pub use self::marking::written;
use self::{
    comparing::act_on_comparison,
    images::{compare, copy, mark_to_compare, other_side},
    marking::{mark, mark_all, name_list, write_list},
    navigation::{close, go, go_back, open, type_filter},
    raw::{act_on_raw, show_raw},
    reload::reload,
};
use super::{
    filtering::apply_text,
    keymap::Action,
    model::{Browser, Overlay},
};
use crate::tui::model::Effect;

pub fn act(browser: &mut Browser, action: Action) -> Vec<Effect> {
    let Some(mut overlay) = browser.overlays.pop() else {
        return act_on_panes(browser, action);
    };
    let (stays, effects) = match &mut overlay {
        Overlay::Typing(_) => {
            if action == Action::Back {
                apply_text(browser, "");
            }
            (!matches!(action, Action::Back | Action::Keep), Vec::new())
        }
        Overlay::Naming(naming) => match action {
            Action::Keep => (false, write_list(browser, naming)),
            action => (action != Action::Back, Vec::new()),
        },
        Overlay::Raw(raw) => act_on_raw(browser, raw, action),
        Overlay::Comparing(comparing) => act_on_comparison(browser, comparing, action),
    };
    if stays {
        browser.overlays.push(overlay);
        if action == Action::Filter {
            browser.overlays.push(Overlay::Typing(Input::default()));
        }
    }
    effects
}

fn act_on_panes(browser: &mut Browser, action: Action) -> Vec<Effect> {
    match action {
        Action::Up
        | Action::Down
        | Action::PageUp
        | Action::PageDown
        | Action::First
        | Action::Last => go(browser, action),
        Action::Open => open(browser),
        Action::Close => close(browser),
        Action::NextPane => browser.focus = browser.focus.next(1),
        Action::PreviousPane => browser.focus = browser.focus.next(3),
        Action::Zoom => browser.zoomed = !browser.zoomed,
        Action::Filter => type_filter(browser),
        Action::Json => show_raw(browser),
        Action::OtherSide => other_side(browser),
        Action::Compare => compare(browser),
        Action::MarkToCompare => mark_to_compare(browser),
        Action::Mark => mark(browser),
        Action::MarkAll => mark_all(browser),
        Action::WriteList => name_list(browser),
        Action::Copy => return copy(browser),
        Action::Reload => reload(browser),
        Action::Back => go_back(browser),
        Action::Keep
        | Action::Left
        | Action::Right
        | Action::NextMatch
        | Action::PreviousMatch
        | Action::FoldAll
        | Action::OnlyDifferences
        | Action::CopyAll
        // Handled for every screen alike.
        | Action::Help
        | Action::Quit
        | Action::Interrupt
        | Action::Suspend => {}
    }
    Vec::new()
}
