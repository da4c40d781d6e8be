//! The last line: what is being typed, the answer to the last key, or the keys there are.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};
use tui_input::Input;

use super::pen;
use crate::{
    present::{Level, skip, width},
    tui::{
        browse::{
            keys::{Action, Mode},
            model::{Browser, Overlay},
        },
        theme::Role,
    },
};

/// Draws the line; gives where the text cursor belongs, if anywhere.
pub fn draw(browser: &Browser, buffer: &mut Buffer, area: Rect) -> Option<Position> {
    if let Some(Overlay::Typing(input)) = browser.overlays.last() {
        return Some(typing(browser, buffer, area, input));
    }
    if let Some((level, text)) = &browser.notice {
        let role = match level {
            Level::Info | Level::Good => Role::Strong,
            Level::Warning => Role::Warning,
            Level::Error => Role::Bad,
        };
        let mut pen = pen(browser, buffer, area, 0);
        pen.skip(1);
        pen.put(role, text);
        return None;
    }
    hints(browser, buffer, area, browser.mode());
    None
}

/// As many keys as there is room for; how to get help and how to close come before all others.
fn hints(browser: &Browser, buffer: &mut Buffer, area: Rect, mode: Mode) {
    let hints: Vec<_> = (browser.options.browser_keys.in_mode(mode))
        .filter(|binding| !binding.hint.is_empty())
        .filter_map(|binding| Some((binding, binding.keys.first()?)))
        .collect();
    let always = |action| matches!(action, Action::Help | Action::Quit | Action::Back);
    let mut pen = pen(browser, buffer, area, 0);
    pen.skip(1);
    let last: Vec<(Role, String)> = (hints.iter())
        .filter(|(binding, _)| always(binding.action))
        .flat_map(|(binding, key)| {
            [
                (Role::Key, format!(" {key}")),
                (Role::Dim, format!(" {} ", binding.hint)),
            ]
        })
        .collect();
    let last: Vec<(Role, &str)> = (last.iter())
        .map(|(role, text)| (*role, text.as_str()))
        .collect();
    pen.at_end(&last);
    for (binding, key) in hints {
        if always(binding.action) {
            continue;
        }
        if width(key) + width(binding.hint) + 3 > usize::from(pen.room()) {
            break;
        }
        pen.put(Role::Key, key);
        pen.put(Role::Dim, &format!(" {}  ", binding.hint));
    }
}

fn typing(browser: &Browser, buffer: &mut Buffer, area: Rect, input: &Input) -> Position {
    let mut pen = pen(browser, buffer, area, 0);
    pen.skip(1);
    pen.put(Role::Key, "/");
    pen.at_end(&[
        (Role::Key, "  enter"),
        (Role::Dim, " keep  "),
        (Role::Key, "esc"),
        (Role::Dim, " clear "),
    ]);
    // The input scrolls so that its cursor stays in sight.
    let room = usize::from(pen.room()).saturating_sub(1);
    let scroll = input.visual_scroll(room);
    pen.put(Role::Text, skip(input.value(), scroll));
    let column = input.visual_cursor().saturating_sub(scroll).min(room);
    Position {
        x: area.x + 2 + u16::try_from(column).unwrap_or(0),
        y: area.y,
    }
}
