//! The last line: what is being typed, the answer to the last key, or the keys there are.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};
use tui_input::Input;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::pen;
use crate::{
    present::Level,
    tui::{
        browse::{
            keys::{self, Action, Mode},
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
    let hints = || keys::in_mode(mode).filter(|binding| !binding.hint.is_empty());
    let always = |action| matches!(action, Action::Help | Action::Quit | Action::Back);
    let mut pen = pen(browser, buffer, area, 0);
    pen.skip(1);
    let last: Vec<(Role, String)> = hints()
        .filter(|binding| always(binding.action))
        .flat_map(|binding| {
            [
                (Role::Key, format!(" {}", binding.keys[0])),
                (Role::Dim, format!(" {} ", binding.hint)),
            ]
        })
        .collect();
    let last: Vec<(Role, &str)> = (last.iter())
        .map(|(role, text)| (*role, text.as_str()))
        .collect();
    pen.at_end(&last);
    for binding in hints().filter(|binding| !always(binding.action)) {
        let key = binding.keys[0];
        if key.width() + binding.hint.width() + 3 > usize::from(pen.room()) {
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
    let mut skipped = 0;
    let visible: String = (input.value().chars())
        .skip_while(|c| {
            let before = skipped;
            skipped += c.width().unwrap_or(0);
            before < scroll
        })
        .collect();
    pen.put(Role::Text, &visible);
    let column = input.visual_cursor().saturating_sub(scroll).min(room);
    Position {
        x: area.x + 2 + u16::try_from(column).unwrap_or(0),
        y: area.y,
    }
}
