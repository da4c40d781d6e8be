//! Changes the browser for actions, typed text, answers and sizes, and returns the effects to carry out.
//!
//! Pure: it has no clock, channel or terminal. Invariant: afterwards, everything shown is read or being read, and every
//! cursor is visible.

use ratatui::layout::Size;

use super::{
    actions,
    cache::Ticket,
    filtering::apply_text,
    keymap::Action,
    layout::Pane,
    marks::{MarkedList, WriteMarksError},
    model::{Browser, LeftPane, Overlay},
    requests::requests,
};
use crate::{
    inspect::{Answer, Error},
    tui::{model::Effect, scroll::in_view},
};

pub fn act(browser: &mut Browser, action: Action) -> Vec<Effect> {
    let effects = actions::act(browser, action);
    follow_up(browser, effects)
}

/// Takes in the line being typed.
pub fn apply_input(browser: &mut Browser) -> Vec<Effect> {
    if let Some(Overlay::Typing(input)) = browser.overlays.last() {
        let text = input.value().to_owned();
        apply_text(browser, &text);
    }
    follow_up(browser, Vec::new())
}

pub fn resize(browser: &mut Browser, size: Size) -> Vec<Effect> {
    browser.size = size;
    follow_up(browser, Vec::new())
}

/// Takes in what came of [`Effect::Load`].
pub fn apply(browser: &mut Browser, ticket: Ticket, answer: Result<Answer, Error>) -> Vec<Effect> {
    if browser.cache.apply(ticket, answer) {
        update_lists(browser);
    }
    follow_up(browser, Vec::new())
}

/// Takes in what came of [`Effect::WriteMarks`].
pub fn apply_written(
    browser: &mut Browser,
    list: &MarkedList,
    result: Result<String, WriteMarksError>,
) {
    actions::written(browser, list, result);
}

/// Requests what is shown and not read, and scrolls to the cursors.
fn follow_up(browser: &mut Browser, mut effects: Vec<Effect>) -> Vec<Effect> {
    for request in requests(browser) {
        if let Some(ticket) = browser.cache.start(&request) {
            effects.push(Effect::Load(ticket, request));
        }
    }
    for overlay in &mut browser.overlays {
        if let Overlay::Comparing(comparing) = overlay {
            comparing.refresh(&browser.cache);
        }
    }
    scroll_into_view(browser);
    effects
}

/// Copies listings from the cache to the lists that show them.
fn update_lists(browser: &mut Browser) {
    let known = &browser.cache.answers;
    if let LeftPane::Repositories {
        registry,
        listed: true,
        chooser,
    } = &mut browser.left
        && let Some(Ok(listing)) = known.repositories(registry)
    {
        chooser.set_items(&listing.entries);
    }
    if let Some(tags) = &mut browser.tags
        && let Some(Ok(listing)) = known.images(&tags.collection)
    {
        let was_empty = tags.chooser.len() == 0;
        tags.chooser.set_items(&listing.entries);
        if was_empty && let Some(viewed) = &browser.viewed {
            let mut items = tags.chooser.items().iter();
            if let Some(item) = items.find(|item| item.is(&viewed.location)).cloned() {
                tags.chooser.select(&item);
            }
        }
    }
}

fn scroll_into_view(browser: &mut Browser) {
    let screen = browser.screen();
    let left = screen.lines(Pane::Left);
    match &mut browser.left {
        LeftPane::Repositories { chooser, .. } => chooser.scroll_into_view(left),
        LeftPane::Store(chooser) => chooser.scroll_into_view(left),
        LeftPane::Images(chooser) => chooser.scroll_into_view(left),
    }
    if let Some(tags) = &mut browser.tags {
        tags.chooser.scroll_into_view(screen.lines(Pane::Tags));
    }
    scroll_image_into_view(browser, screen.lines(Pane::Image));
    let lines = screen.overlay_lines();
    for overlay in &mut browser.overlays {
        match overlay {
            Overlay::Raw(raw) => raw.scroll_into_view(lines),
            Overlay::Typing(_) | Overlay::Naming(_) | Overlay::Comparing(_) => {}
        }
    }
}

/// Moves the cursor up to its nearest ancestor when its own row is gone.
fn scroll_image_into_view(browser: &mut Browser, lines: usize) {
    let rows = browser.rows();
    let Some(viewed) = &mut browser.viewed else {
        return;
    };
    let at = loop {
        if let Some(at) = rows.iter().position(|row| row.id == viewed.cursor) {
            break at;
        }
        match viewed.cursor.parent() {
            Some(parent) => viewed.cursor = parent,
            None => break 0,
        }
    };
    viewed.offset = in_view(viewed.offset, at, lines, rows.len());
}
