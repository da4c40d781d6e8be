//! Applies the typed text: filters the focused list, or searches the open JSON.

use super::{
    layout::Pane,
    model::{Browser, LeftPane, Overlay},
    raw::Direction,
};

pub(super) fn apply_text(browser: &mut Browser, text: &str) {
    let is_shown =
        |overlay: &&mut Overlay| !matches!(overlay, Overlay::Typing(_) | Overlay::Naming(_));
    if let Some(Overlay::Raw(raw)) = browser.overlays.iter_mut().rev().find(is_shown) {
        text.clone_into(&mut raw.search);
        raw.find(Direction::Forward, true);
        return;
    }
    match (browser.focus, &mut browser.left, &mut browser.tags) {
        (Pane::Left, LeftPane::Repositories { chooser, .. }, _) => chooser.set_filter(text),
        (Pane::Left, LeftPane::Store(chooser), _) => chooser.set_filter(text),
        (Pane::Left, LeftPane::Images(chooser), _) => chooser.set_filter(text),
        (Pane::Tags, _, Some(tags)) => tags.chooser.set_filter(text),
        _ => {}
    }
}
