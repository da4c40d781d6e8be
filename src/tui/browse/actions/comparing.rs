//! What actions do in a comparison.

use super::navigation::scrolled;
use crate::tui::{
    browse::{comparison::Comparing, keymap::Action, model::Browser},
    model::Effect,
};

/// Returns whether the comparison stays open.
pub(super) fn act_on_comparison(
    browser: &mut Browser,
    comparing: &mut Comparing,
    action: Action,
) -> (bool, Vec<Effect>) {
    match action {
        Action::Back => return (false, Vec::new()),
        Action::OnlyDifferences => {
            comparing.only_differences = !comparing.only_differences;
            comparing.offset = 0;
        }
        Action::Reload => {
            for part in comparing.parts(&browser.cache) {
                browser.cache.forget(&part);
            }
        }
        _ => {
            // The references of both sides take one line.
            let page = browser.screen().overlay_lines().saturating_sub(1);
            let lines = comparing.lines().len();
            comparing.offset = scrolled(comparing.offset, action, page, lines);
        }
    }
    (true, Vec::new())
}
