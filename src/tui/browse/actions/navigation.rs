//! Moves the cursor, opens and closes, and starts a filter.
//!
//! Invariant: a cursor is always on an existing line.

use tui_input::Input;

use super::{
    super::{
        chooser::Chooser,
        detail,
        keymap::Action,
        layout::Pane,
        model::{Browser, LeftPane, Overlay},
        tree::NodeId,
    },
    images::{pair_of, selected_tag},
};
use crate::{
    inspect::{Collection, RepositoryId},
    present::Level,
};

/// The row after a move from row `at`, in a list of `len` rows that shows `page` of them.
pub(super) fn moved(at: usize, action: Action, page: usize, len: usize) -> usize {
    let page = page.max(2) - 1;
    let to = match action {
        Action::Up => at.saturating_sub(1),
        Action::Down => at + 1,
        Action::PageUp => at.saturating_sub(page),
        Action::PageDown => at + page,
        Action::First => 0,
        Action::Last => len,
        _ => at,
    };
    to.min(len.saturating_sub(1))
}

/// The offset after a scroll; the last page is never partly empty.
pub(super) fn scrolled(offset: usize, action: Action, page: usize, len: usize) -> usize {
    moved(offset, action, page, len).min(len.saturating_sub(page))
}

pub(super) fn go(browser: &mut Browser, action: Action) {
    let page = browser.screen().lines(browser.focus);
    match browser.focus {
        Pane::Left => match &mut browser.left {
            LeftPane::Repositories { chooser, .. } => choose(chooser, action, page),
            LeftPane::Store(chooser) => choose(chooser, action, page),
            LeftPane::Images(chooser) => choose(chooser, action, page),
        },
        Pane::Tags => {
            if let Some(tags) = &mut browser.tags {
                choose(&mut tags.chooser, action, page);
            }
        }
        Pane::Image => {
            let rows = browser.rows();
            if let Some(viewed) = &mut browser.viewed {
                let at = rows.iter().position(|row| row.id == viewed.cursor);
                let to = moved(at.unwrap_or(0), action, page, rows.len());
                if let Some(row) = rows.get(to).filter(|_| Some(to) != at) {
                    viewed.cursor = row.id.clone();
                    browser.detail_offset = 0;
                }
            }
        }
        Pane::Detail => {
            let lines = detail::wrapped(browser, browser.screen().cells(Pane::Detail)).len();
            browser.detail_offset = scrolled(browser.detail_offset, action, page, lines);
        }
    }
}

fn choose<T: Clone + PartialEq + std::fmt::Display>(
    chooser: &mut Chooser<T>,
    action: Action,
    page: usize,
) {
    let to = moved(chooser.cursor(), action, page, chooser.rows().len());
    chooser.move_to(to);
}

pub(super) fn open(browser: &mut Browser) {
    match browser.focus {
        Pane::Left => match &browser.left {
            LeftPane::Repositories {
                registry, chooser, ..
            } => {
                if let Some(repository) = chooser.selected() {
                    let repository = RepositoryId {
                        registry: registry.clone(),
                        repository: repository.clone(),
                    };
                    browser.show_tags(Collection::Repository(repository));
                    browser.focus = Pane::Tags;
                }
            }
            LeftPane::Store(chooser) => {
                if let Some(store) = chooser.selected().cloned() {
                    browser.show_tags(Collection::Local(store));
                    browser.focus = Pane::Tags;
                }
            }
            LeftPane::Images(chooser) => {
                if let Some(pair) = chooser.selected().cloned() {
                    browser.show_tags(Collection::of(&pair.source));
                    browser.show(pair.source.clone(), Some(pair));
                    browser.focus = Pane::Image;
                }
            }
        },
        Pane::Tags => {
            if let Some(image) = selected_tag(browser) {
                let pair = pair_of(browser, &image);
                browser.show(image, pair);
                browser.focus = Pane::Image;
            }
        }
        Pane::Image => {
            let row = browser.row();
            if let (Some(row), Some(viewed)) = (row, &mut browser.viewed) {
                match row.open {
                    Some(false) => {
                        viewed.open.insert(row.id);
                    }
                    Some(true) => go(browser, Action::Down),
                    None => browser.focus = Pane::Detail,
                }
            }
        }
        Pane::Detail => {}
    }
}

pub(super) fn close(browser: &mut Browser) {
    match browser.focus {
        Pane::Left => {}
        Pane::Tags => browser.focus = Pane::Left,
        Pane::Image => {
            let row = browser.row();
            let Some(viewed) = &mut browser.viewed else {
                browser.focus = Pane::Tags;
                return;
            };
            browser.detail_offset = 0;
            let root = viewed.cursor == NodeId::root();
            match row.filter(|row| row.open == Some(true) && !root) {
                Some(row) => {
                    viewed.open.remove(&row.id);
                }
                None => match viewed.cursor.parent() {
                    Some(parent) => viewed.cursor = parent,
                    None => browser.focus = Pane::Tags,
                },
            }
        }
        Pane::Detail => browser.focus = Pane::Image,
    }
}

pub(super) fn go_back(browser: &mut Browser) {
    let filter = match (browser.focus, &mut browser.left, &mut browser.tags) {
        (Pane::Left, LeftPane::Repositories { chooser, .. }, _) => clear(chooser),
        (Pane::Left, LeftPane::Store(chooser), _) => clear(chooser),
        (Pane::Left, LeftPane::Images(chooser), _) => clear(chooser),
        (Pane::Tags, _, Some(tags)) => clear(&mut tags.chooser),
        _ => false,
    };
    match browser.focus {
        _ if filter => {}
        _ if browser.zoomed => browser.zoomed = false,
        Pane::Left if !browser.marks.is_empty() => browser.marks.clear(),
        Pane::Left => browser.say(Level::Info, "q closes the browser"),
        Pane::Tags | Pane::Image | Pane::Detail => browser.focus = browser.focus.next(3),
    }
}

/// Clears the filter; returns whether there was one.
fn clear<T: Clone + PartialEq + std::fmt::Display>(chooser: &mut Chooser<T>) -> bool {
    let filtered = !chooser.filter().is_empty();
    chooser.set_filter("");
    filtered
}

pub(super) fn type_filter(browser: &mut Browser) {
    let filter = match (browser.focus, &browser.left, &browser.tags) {
        (Pane::Left, LeftPane::Repositories { chooser, .. }, _) => chooser.filter(),
        (Pane::Left, LeftPane::Store(chooser), _) => chooser.filter(),
        (Pane::Left, LeftPane::Images(chooser), _) => chooser.filter(),
        (Pane::Tags, _, Some(tags)) => tags.chooser.filter(),
        _ => {
            let text = "only repositories, images and tags can be filtered; v shows JSON, which can be searched";
            return browser.say(Level::Info, text);
        }
    };
    let input = Input::new(filter.to_owned());
    browser.overlays.push(Overlay::Typing(input));
}
