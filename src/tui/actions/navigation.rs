//! Moves the cursor, scrolls, and takes changes of the view back.

use super::view_settings::{set_filter, set_show};
use crate::tui::{
    keymap::Action, layout::Pane, model::Model, scroll::scrolled, sort::Sort,
    status_filter::StatusFilter,
};

pub(super) fn move_in_pane(model: &mut Model, action: Action) {
    let page = model.screen().lines(model.focus);
    match model.focus {
        Pane::Images => {
            let step = isize::try_from(page.max(1)).unwrap_or(isize::MAX);
            match action {
                Action::Up => model.images.step(-1),
                Action::Down => model.images.step(1),
                Action::PageUp => model.images.step(-step),
                Action::PageDown => model.images.step(step),
                Action::First => model.images.go(0),
                _ => model.images.go(usize::MAX),
            }
        }
        Pane::Detail => model.detail_offset = scrolled(model.detail_offset, action, page),
        Pane::Failures => {
            let to = scrolled(model.failures.at(), action, page.max(1));
            model.failures.go(to);
        }
        Pane::Registries => {
            let (_, at) = model.registries.rows(&model.board);
            let to = scrolled(at, action, page.max(1));
            model.registries.go(to, &model.board);
        }
        Pane::Log => {
            // Counted from the newest line, so every direction is the other way round.
            let opposite = match action {
                Action::Up => Action::Down,
                Action::Down => Action::Up,
                Action::PageUp => Action::PageDown,
                Action::PageDown => Action::PageUp,
                Action::First => Action::Last,
                _ => Action::First,
            };
            model.log_offset = scrolled(model.log_offset, opposite, page);
        }
    }
}

pub(super) fn step_pane(pane: Pane, by: usize) -> Pane {
    let at = Pane::ALL.iter().position(|other| *other == pane);
    Pane::ALL[(at.unwrap_or(0) + by) % Pane::ALL.len()]
}

/// Takes back one thing: the range, the zoom, the filters, the marks, the order, the focus.
pub(super) fn go_back(model: &mut Model) {
    if model.images.cancel_range() {
    } else if model.zoomed {
        model.zoomed = false;
    } else if !model.images.filter().text().is_empty() {
        set_filter(model, "");
    } else if *model.images.show() != StatusFilter::All {
        set_show(model, StatusFilter::All);
    } else if model.images.has_marks() {
        model.images.clear_marks();
    } else if model.images.sort() != Sort::List {
        model
            .images
            .set_sort(Sort::List, &model.board, &model.stats.speed);
    } else if model.log.only().is_some() {
        model.log.show_only(None);
    } else {
        model.give_focus(Pane::Images);
    }
}
