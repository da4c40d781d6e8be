//! The panes with lists: repositories or images, and tags.

use ratatui::layout::Rect;

use super::parts::{cursor, failure, titled};
use crate::{
    inspect::{Collection, Error, Request},
    present::{Glyphs, count},
    tui::{
        browse::{
            cache::Slot,
            chooser::Chooser,
            layout::Pane,
            marks::Mark,
            model::{Browser, LeftPane, Pair},
        },
        theme::Role,
        view::{canvas::Canvas, cell_writer::CellWriter},
    },
};

pub(super) fn left(browser: &Browser, canvas: &mut Canvas, area: Rect) {
    match &browser.left {
        LeftPane::Repositories {
            registry,
            listed,
            chooser,
        } => {
            let request = Request::Repositories(registry.clone());
            let found = browser.cache.answers.repositories(registry);
            let mut state = state(browser.cache.slot(found, &request), |listing| {
                (listing.entries.len(), listing.invalid)
            });
            if !listed {
                state = ListState::NotRequested;
            }
            let open = match browser.tags.as_ref().map(|tags| &tags.collection) {
                Some(Collection::Repository(open)) => Some(&open.repository),
                Some(Collection::Local(_)) | None => None,
            };
            let title = ("Repositories", Pane::Left);
            list(
                browser,
                canvas,
                area,
                title,
                chooser,
                &state,
                |writer, repository, role| {
                    let mark = Mark::Repository(registry.clone(), repository.clone());
                    draw_mark(browser, writer, &mark);
                    let role = match open == Some(repository) && role == Role::Text {
                        true => Role::Accent,
                        false => role,
                    };
                    let text = clip(writer, repository.as_str());
                    writer.put(role, &text);
                },
            );
        }
        LeftPane::Store(chooser) => {
            let title = ("Store", Pane::Left);
            list(
                browser,
                canvas,
                area,
                title,
                chooser,
                &ListState::NotRequested,
                |writer, store, role| {
                    draw_mark(browser, writer, &Mark::Store(store.clone()));
                    let text = clip(writer, &store.to_string());
                    writer.put(role, &text);
                },
            );
        }
        LeftPane::Images(chooser) => {
            let title = ("Images", Pane::Left);
            list(
                browser,
                canvas,
                area,
                title,
                chooser,
                &ListState::NotRequested,
                |writer, pair: &Pair, role| {
                    draw_mark(browser, writer, &Mark::Image(pair.source.clone()));
                    let text = writer
                        .glyphs()
                        .clip_name(&pair.source, usize::from(writer.room()));
                    writer.put(role, &text);
                },
            );
        }
    }
}

pub(super) fn tags(browser: &Browser, canvas: &mut Canvas, area: Rect) {
    let Some(tags) = &browser.tags else {
        let focused = browser.focus == Pane::Tags;
        let area = titled(canvas, area, focused, "Tags", &[]);
        let text = "Open a repository to see its tags.".to_owned();
        return canvas.paragraph(area, &[(Role::Dim, text)]);
    };
    let request = Request::Images(tags.collection.clone());
    let found = browser.cache.answers.images(&tags.collection);
    let state = state(browser.cache.slot(found, &request), |listing| {
        (listing.entries.len(), listing.invalid)
    });
    let viewed = browser.viewed.as_ref().map(|viewed| &viewed.location);
    let compared = browser.compared.as_ref();
    let title = match tags.collection {
        Collection::Repository(_) => ("Tags", Pane::Tags),
        Collection::Local(_) => ("Names", Pane::Tags),
    };
    list(
        browser,
        canvas,
        area,
        title,
        &tags.chooser,
        &state,
        |writer, image, role| {
            let role = match viewed.is_some_and(|viewed| image.is(viewed)) && role == Role::Text {
                true => Role::Accent,
                false => role,
            };
            if compared.is_some_and(|compared| image.is(compared)) {
                writer.at_end(&[(Role::Marked, " to compare")]);
            }
            draw_mark(browser, writer, &Mark::Image(image.0.clone()));
            let text = clip(writer, &image.to_string());
            writer.put(role, &text);
        },
    );
}

/// How much of a list is read.
enum ListState {
    NotRequested,
    Reading,
    Listed { all: usize, invalid: usize },
    Failed(Error),
}

fn state<T>(slot: Slot<T>, amounts: impl Fn(&T) -> (usize, usize)) -> ListState {
    match slot {
        Slot::Unread | Slot::Reading => ListState::Reading,
        Slot::Ready(listing) => {
            let (all, invalid) = amounts(&listing);
            ListState::Listed { all, invalid }
        }
        Slot::Failed(error) => ListState::Failed(error),
    }
}

fn list<T: Clone + PartialEq + std::fmt::Display>(
    browser: &Browser,
    canvas: &mut Canvas,
    area: Rect,
    (title, pane): (&str, Pane),
    chooser: &Chooser<T>,
    state: &ListState,
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
        (ListState::Reading, 0) => vec![(Role::Busy, "reading".to_owned())],
        (ListState::Failed(_), 0) => vec![(Role::Bad, "failed".to_owned())],
        _ => vec![amount],
    };
    if let ListState::Listed { invalid: 1.., .. } = state {
        facts.push((Role::Warning, "some names invalid".to_owned()));
    }
    let mut area = titled(canvas, area, focused, title, &facts);
    // When reading again failed, the old entries stay below the failure.
    if let ListState::Failed(error) = state {
        let taken = match all {
            0 => area.height,
            _ => area.height / 2,
        };
        let above = Rect {
            height: taken,
            ..area
        };
        canvas.paragraph(above, &failure(error));
        area.y += taken;
        area.height -= taken;
    }
    if let ListState::Listed { all: 0, invalid } = state {
        let text = match invalid {
            0 => "The list is empty.".to_owned(),
            invalid => format!("{}, none of them valid.", count(*invalid, "name")),
        };
        return canvas.paragraph(area, &[(Role::Dim, text)]);
    }
    if shown == 0 && all > 0 {
        let text = "Nothing matches the filter; esc clears it.".to_owned();
        return canvas.paragraph(area, &[(Role::Dim, text)]);
    }
    let rows = chooser.rows().enumerate().skip(chooser.offset);
    for (row, (at, item)) in (0..area.height).zip(rows) {
        let mut writer = canvas.row(area, row);
        let role = cursor(&mut writer, at == chooser.cursor(), focused);
        draw(&mut writer, item, role);
    }
}

fn draw_mark(browser: &Browser, writer: &mut CellWriter, mark: &Mark) {
    if browser.marks.contains(mark) {
        let glyph = writer.glyphs().mark;
        writer.at_end(&[(Role::Marked, " "), (Role::Marked, glyph)]);
    }
}

fn clip(writer: &CellWriter, text: &str) -> String {
    let glyphs: Glyphs = writer.glyphs();
    glyphs.clip_middle(text, usize::from(writer.room()))
}
