//! Repositories or images, and tags.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{cursor, failure, row_writer, titled, words};
use crate::{
    inspect::{Error, Request},
    oci::{Reference, Tag},
    present::{Glyphs, count},
    tui::{
        browse::{
            cache::Slot,
            chooser::Chooser,
            layout::Pane,
            model::{Browser, LeftPane, Pair},
        },
        theme::Role,
        view::cell_writer::CellWriter,
    },
};

pub fn left(browser: &Browser, buffer: &mut Buffer, area: Rect) {
    match &browser.left {
        LeftPane::Repositories {
            registry,
            listed,
            chooser,
        } => {
            let request = Request::Repositories(registry.clone());
            let found = browser.cache.known.repositories(registry);
            let mut state = state(browser.cache.slot(found, &request), |listing| {
                (listing.entries.len(), listing.invalid)
            });
            if !listed {
                state = State::Here;
            }
            let open = browser.tags.as_ref().map(|tags| &tags.place.repository);
            let title = ("Repositories", Pane::Left);
            list(
                browser,
                buffer,
                area,
                title,
                chooser,
                &state,
                |pen, repository, role| {
                    let role = match open == Some(repository) && role == Role::Text {
                        true => Role::Accent,
                        false => role,
                    };
                    let text = clip(pen, repository.as_str());
                    pen.put(role, &text);
                },
            );
        }
        LeftPane::Images(chooser) => {
            let title = ("Images", Pane::Left);
            list(
                browser,
                buffer,
                area,
                title,
                chooser,
                &State::Here,
                |pen, pair: &Pair, role| {
                    let text = pen
                        .glyphs()
                        .clip_name(&pair.source, usize::from(pen.room()));
                    pen.put(role, &text);
                },
            );
        }
    }
}

pub fn tags(browser: &Browser, buffer: &mut Buffer, area: Rect) {
    let Some(tags) = &browser.tags else {
        let focused = browser.focus == Pane::Tags;
        let area = titled(browser, buffer, area, focused, "Tags", &[]);
        let text = "Open a repository to see its tags.".to_owned();
        return words(browser, buffer, area, &[(Role::Dim, text)]);
    };
    let request = Request::Tags(tags.place.clone());
    let found = browser.cache.known.tags(&tags.place);
    let state = state(browser.cache.slot(found, &request), |listing| {
        (listing.entries.len(), listing.invalid)
    });
    let viewed = browser.viewed.as_ref().map(|viewed| &viewed.reference);
    let marked = browser.marked.as_ref();
    let here = |reference: Option<&Reference>, tag: &Tag| {
        reference.is_some_and(|reference| {
            reference.tag.as_ref() == Some(tag)
                && reference.repository == tags.place.repository
                && reference.registry == tags.place.registry
        })
    };
    let title = ("Tags", Pane::Tags);
    list(
        browser,
        buffer,
        area,
        title,
        &tags.chooser,
        &state,
        |pen, tag, role| {
            let role = match here(viewed, tag) && role == Role::Text {
                true => Role::Accent,
                false => role,
            };
            let mark = pen.glyphs().mark;
            if here(marked, tag) {
                pen.at_end(&[(Role::Marked, mark)]);
            }
            let text = clip(pen, tag.as_str());
            pen.put(role, &text);
        },
    );
}

/// What is to be said of a list besides its entries.
enum State {
    Here,
    Reading,
    Listed { all: usize, invalid: usize },
    Failed(Error),
}

fn state<T>(slot: Slot<T>, amounts: impl Fn(&T) -> (usize, usize)) -> State {
    match slot {
        Slot::Unread | Slot::Reading => State::Reading,
        Slot::Ready(listing) => {
            let (all, invalid) = amounts(&listing);
            State::Listed { all, invalid }
        }
        Slot::Failed(error) => State::Failed(error),
    }
}

fn list<T: Clone + PartialEq + std::fmt::Display>(
    browser: &Browser,
    buffer: &mut Buffer,
    area: Rect,
    (title, pane): (&str, Pane),
    chooser: &Chooser<T>,
    state: &State,
    draw: impl Fn(&mut CellWriter, &T, Role),
) {
    let focused = browser.focus == pane;
    let (shown, all) = (chooser.rows().len(), chooser.len());
    let amount = match chooser.filter().is_empty() {
        true => (Role::Dim, all.to_string()),
        false => (
            Role::Warning,
            format!("{shown} of {all} /{}", chooser.filter()),
        ),
    };
    let mut facts = match (state, all) {
        (State::Reading, 0) => vec![(Role::Busy, "reading".to_owned())],
        (State::Failed(_), 0) => vec![(Role::Bad, "failed".to_owned())],
        _ => vec![amount],
    };
    if let State::Listed { invalid: 1.., .. } = state {
        facts.push((Role::Warning, "not all valid".to_owned()));
    }
    let mut area = titled(browser, buffer, area, focused, title, &facts);
    // What was there before it was read again stays, with the failure above it.
    if let State::Failed(error) = state {
        let taken = match all {
            0 => area.height,
            _ => area.height / 2,
        };
        let above = Rect {
            height: taken,
            ..area
        };
        words(browser, buffer, above, &failure(error));
        area.y += taken;
        area.height -= taken;
    }
    if let State::Listed { all: 0, invalid } = state {
        let text = match invalid {
            0 => "There is nothing here.".to_owned(),
            invalid => format!("{} that cannot be used.", count(*invalid, "name")),
        };
        return words(browser, buffer, area, &[(Role::Dim, text)]);
    }
    if shown == 0 && all > 0 {
        let text = "Nothing matches the filter; esc clears it.".to_owned();
        return words(browser, buffer, area, &[(Role::Dim, text)]);
    }
    let rows = chooser.rows().enumerate().skip(chooser.offset);
    for (row, (at, item)) in (0..area.height).zip(rows) {
        let mut pen = row_writer(browser, buffer, area, row);
        let role = cursor(&mut pen, at == chooser.cursor(), focused);
        draw(&mut pen, item, role);
    }
}

fn clip(pen: &CellWriter, text: &str) -> String {
    let glyphs: Glyphs = pen.glyphs();
    glyphs.clip_middle(text, usize::from(pen.room()))
}
