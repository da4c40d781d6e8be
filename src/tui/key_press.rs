//! What a key press does: the topmost overlay gets it, else the browser, else the panes.
//!
//! Decides the order: first the key table, then the line being typed. Invariant: a notice lasts until the next key.

use std::sync::Arc;

use crossterm::event::{Event as TerminalEvent, KeyEvent};
use tui_input::{Input, backend::crossterm::EventHandler as _};

use super::{
    actions::act,
    browse::{self, keymap::Action as BrowserAction},
    browser_overlay,
    keymap::Action,
    model::{Effect, Model, Overlay},
};

pub fn press(model: &mut Model, key: &KeyEvent) -> Vec<Effect> {
    model.notice = None;
    if model.browser.is_some() && model.overlays.is_empty() {
        return press_browser(model, key);
    }
    model.images.catch_up(&model.board, &model.stats.speed);
    model.failures.catch_up(&model.board);
    let selected = model.images.selected();
    let keys = Arc::clone(&model.options.keys);
    let effects = match keys.action(model.mode(), key) {
        Some(action) => act(model, action),
        None => {
            if type_into(model.input_mut(), key) {
                apply_input(model);
            }
            Vec::new()
        }
    };
    if selected != model.images.selected() {
        model.detail_offset = 0;
    }
    effects
}

fn press_browser(model: &mut Model, key: &KeyEvent) -> Vec<Effect> {
    let Some(browser) = &mut model.browser else {
        return Vec::new();
    };
    match model.options.browser_keys.action(browser.mode(), key) {
        Some(BrowserAction::Interrupt) => act(model, Action::Interrupt),
        Some(BrowserAction::Suspend) => act(model, Action::Suspend),
        Some(BrowserAction::Help) => act(model, Action::Help),
        Some(BrowserAction::Quit) => browser_overlay::close(model),
        Some(action) => {
            let effects = browse::act(browser, action);
            model.notice = browser.notice.take();
            effects
        }
        None => match type_into(browser.input_mut(), key) {
            true => browse::apply_input(browser),
            false => Vec::new(),
        },
    }
}

/// Edits the line being typed; returns whether it changed.
fn type_into(input: Option<&mut Input>, key: &KeyEvent) -> bool {
    input.is_some_and(|input| input.handle_event(&TerminalEvent::Key(*key)).is_some())
}

fn apply_input(model: &mut Model) {
    match model.overlays.last_mut() {
        Some(Overlay::Filter(input)) => {
            let text = input.value().to_owned();
            if text != model.images.filter().text() {
                model
                    .images
                    .set_filter(&text, &model.board, &model.stats.speed);
            }
        }
        Some(Overlay::Help(help)) => help.offset = 0,
        Some(Overlay::Palette { at, .. }) => *at = 0,
        Some(Overlay::Question { .. } | Overlay::Leave) | None => {}
    }
}

#[cfg(test)]
mod tests {
    use ratatui::{buffer::Buffer, layout::Rect};

    use crate::tui::{
        browse::Start,
        fixtures::{listed, model, options, press},
        model::{Model, Msg},
        update::update,
        view,
    };

    fn browser() -> Model {
        let start = Start::Registry("a.example".parse().unwrap());
        let mut model = Model::browsing(options(), start);
        update(&mut model, Msg::Resized((120, 40).into()));
        model
    }

    fn last_line(model: &Model) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 120, 40));
        view::draw(model, &mut buffer);
        (0..120).map(|x| buffer[(x, 39)].symbol()).collect()
    }

    #[test]
    fn a_notice_disappears_with_the_next_key_on_every_screen() {
        for (mut model, key) in [(model(listed(1)), "b"), (browser(), "c")] {
            let keys = last_line(&model);
            press(&mut model, key);
            let notice = last_line(&model);
            assert_ne!(notice, keys);
            press(&mut model, "k");
            assert_eq!(last_line(&model), keys);
        }
    }

    #[test]
    fn typed_text_is_at_the_same_place_on_every_screen() {
        for mut model in [model(listed(1)), browser()] {
            press(&mut model, "/ a backspace b");
            let line = last_line(&model);
            assert!(line.starts_with(" /b ") && line.ends_with("  "), "{line}");
            assert!(line.contains("  enter keep"), "{line}");
        }
    }

    #[test]
    fn a_key_without_a_meaning_changes_nothing() {
        let mut model = model(listed(1));
        press(&mut model, ": down down");
        let before = last_line(&model);
        let overlays = |model: &Model| format!("{:?}", model.overlays);
        let before_overlays = overlays(&model);
        press(&mut model, "shift-tab");
        assert_eq!(overlays(&model), before_overlays);
        assert_eq!(last_line(&model), before);
    }
}
