//! How the browser changes with a key, an answer or a new size; gives the effects wanted.
//!
//! Decides what has to be read: what the open panes show and nobody has read yet. Pure: no clock, no
//! channel, no terminal.

use crossterm::event::KeyEvent;
use ratatui::layout::Size;
use tui_input::Input;

use super::{
    act::act,
    cache::{Ticket, config_request},
    chooser::in_sight,
    keys::{self, Action, Keymap, Mode},
    layout::Pane,
    model::{Browser, LeftPane, Overlay, Viewed},
    raw::Direction,
    tree::What,
};
use crate::{
    inspect::{Answer, Error, RepositoryId, Request},
    oci::Tag,
    tui::{
        dispatch::{self, KeyTarget},
        model::Effect,
    },
};

pub fn pressed(browser: &mut Browser, key: &KeyEvent) -> Vec<Effect> {
    let effects = dispatch::press(browser, key);
    follow_up(browser, effects)
}

pub fn resized(browser: &mut Browser, size: Size) -> Vec<Effect> {
    browser.size = size;
    follow_up(browser, Vec::new())
}

/// Takes in what came of `Effect::Load`.
pub fn loaded(browser: &mut Browser, ticket: Ticket, answer: Result<Answer, Error>) -> Vec<Effect> {
    if browser.cache.answer(ticket, answer) {
        take_in(browser);
    }
    follow_up(browser, Vec::new())
}

/// Asks for what is shown now and was not read yet, and scrolls to what is selected.
fn follow_up(browser: &mut Browser, mut effects: Vec<Effect>) -> Vec<Effect> {
    for request in wanted(browser) {
        if let Some(ticket) = browser.cache.ask(&request) {
            effects.push(Effect::Load(ticket, request));
        }
    }
    for overlay in &mut browser.overlays {
        if let Overlay::Comparing(comparing) = overlay {
            comparing.refresh(&browser.cache);
        }
    }
    keep_in_sight(browser);
    effects
}

impl KeyTarget for Browser {
    type Keys = keys::Group;

    fn keymap(&self) -> &Keymap {
        &self.options.browser_keys
    }

    fn mode(&self) -> Mode {
        match self.overlays.last() {
            None => Mode::Panes,
            Some(Overlay::Typing(_)) => Mode::Typing,
            Some(Overlay::Raw(_)) => Mode::Raw,
            Some(Overlay::Comparing(_)) => Mode::Comparing,
            Some(Overlay::Help { .. }) => Mode::Help,
        }
    }

    fn act(&mut self, action: Action) -> Vec<Effect> {
        act(self, action)
    }

    fn input(&mut self) -> Option<&mut Input> {
        match self.overlays.last_mut()? {
            Overlay::Typing(input) => Some(input),
            Overlay::Raw(_) | Overlay::Comparing(_) | Overlay::Help { .. } => None,
        }
    }

    fn typed(&mut self) {
        if let Some(Overlay::Typing(input)) = self.overlays.last() {
            let text = input.value().to_owned();
            typed(self, &text);
        }
    }

    fn forget_notice(&mut self) {
        self.notice = None;
    }
}

/// Filters or searches for what was typed so far.
pub fn typed(browser: &mut Browser, text: &str) {
    let below = browser.overlays.iter_mut().rev().nth(1);
    if let Some(Overlay::Raw(raw)) = below {
        text.clone_into(&mut raw.search);
        raw.find(Direction::Forward, true);
        return;
    }
    match (browser.focus, &mut browser.left, &mut browser.tags) {
        (Pane::Left, LeftPane::Repositories { chooser, .. }, _) => chooser.set_filter(text),
        (Pane::Left, LeftPane::Images(chooser), _) => chooser.set_filter(text),
        (Pane::Tags, _, Some(tags)) => tags.chooser.set_filter(text),
        _ => {}
    }
}

/// Brings answers to the lists they are for.
fn take_in(browser: &mut Browser) {
    let known = &browser.cache.known;
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
        && let Some(Ok(listing)) = known.tags(&tags.place)
    {
        let was_empty = tags.chooser.len() == 0;
        tags.chooser.set_items(&listing.entries);
        if was_empty && let Some(tag) = viewed_tag(browser.viewed.as_ref(), &tags.place) {
            tags.chooser.select(&tag);
        }
    }
}

/// The tag being looked at, if it is one of this repository.
fn viewed_tag(viewed: Option<&Viewed>, place: &RepositoryId) -> Option<Tag> {
    let reference = &viewed?.reference;
    (RepositoryId::of(reference) == *place).then(|| reference.tag.clone())?
}

/// Everything the open panes and overlays show.
fn wanted(browser: &Browser) -> Vec<Request> {
    let mut wanted = Vec::new();
    if let LeftPane::Repositories {
        registry,
        listed: true,
        ..
    } = &browser.left
    {
        wanted.push(Request::Repositories(registry.clone()));
    }
    if let Some(tags) = &browser.tags {
        wanted.push(Request::Tags(tags.place.clone()));
    }
    if let Some(viewed) = &browser.viewed {
        let place = RepositoryId::of(&viewed.reference);
        for row in browser.rows() {
            match row.what {
                What::Manifest { version, .. } if row.open == Some(true) => {
                    wanted.push(Request::Manifest(place.clone(), version));
                }
                What::Config { descriptor, .. } => {
                    wanted.push(config_request(&place, &descriptor));
                }
                What::Referrers { of, .. } if row.open == Some(true) => {
                    wanted.push(Request::Referrers(place.clone(), of));
                }
                What::Manifest { .. }
                | What::Referrers { .. }
                | What::Step { .. }
                | What::Blob(_) => {}
            }
        }
    }
    for overlay in &browser.overlays {
        if let Overlay::Comparing(comparing) = overlay {
            wanted.extend(comparing.wanted(&browser.cache));
        }
    }
    wanted
}

fn keep_in_sight(browser: &mut Browser) {
    let screen = browser.screen();
    let left = screen.lines(Pane::Left);
    match &mut browser.left {
        LeftPane::Repositories { chooser, .. } => chooser.keep_in_sight(left),
        LeftPane::Images(chooser) => chooser.keep_in_sight(left),
    }
    if let Some(tags) = &mut browser.tags {
        tags.chooser.keep_in_sight(screen.lines(Pane::Tags));
    }
    keep_image_in_sight(browser, screen.lines(Pane::Image));
    let lines = screen.overlay_lines();
    for overlay in &mut browser.overlays {
        match overlay {
            Overlay::Raw(raw) => raw.keep_in_sight(lines),
            Overlay::Typing(_) | Overlay::Comparing(_) | Overlay::Help { .. } => {}
        }
    }
}

/// The cursor goes up to what is still there when what it was on is gone.
fn keep_image_in_sight(browser: &mut Browser, lines: usize) {
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
    viewed.offset = in_sight(viewed.offset, at, lines, rows.len());
}
