//! The last line: the answer to the last key, the filter's input, or the keys there are.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};
use unicode_width::UnicodeWidthStr as _;

use super::pen;
use crate::{
    present::{Level, count, plain},
    tui::{
        keys::{self, Action, Mode},
        model::{Model, Overlay},
        theme::Role,
    },
};

/// Draws the line; gives where the text cursor belongs, if anywhere.
pub fn draw(model: &Model, buffer: &mut Buffer, area: Rect) -> Option<Position> {
    if let Some(Overlay::Filter(input)) = model.overlays.last() {
        return Some(filter(model, buffer, area, input));
    }
    if let Some(notice) = &model.notice {
        let role = match notice.level {
            Level::Info | Level::Good => Role::Strong,
            Level::Warning => Role::Warning,
            Level::Error => Role::Bad,
        };
        let mut pen = pen(model, buffer, area, 0);
        pen.skip(1);
        pen.put(role, &plain(&notice.text));
        return None;
    }
    hints(model, buffer, area, model.mode());
    None
}

/// As many keys as there is room for; how to get help and how to leave come before all others.
fn hints(model: &Model, buffer: &mut Buffer, area: Rect, mode: Mode) {
    let hints: Vec<_> = keys::in_mode(mode)
        .filter(|binding| !binding.hint.is_empty())
        .map(|binding| (binding, binding.keys[0]))
        .collect();
    let always = |action| matches!(action, Action::Help | Action::Quit);
    let mut pen = pen(model, buffer, area, 0);
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
        let cells = key.width() + binding.hint.width() + 3;
        if cells > usize::from(pen.room()) {
            break;
        }
        pen.put(Role::Key, key);
        pen.put(Role::Dim, &format!(" {}  ", binding.hint));
    }
}

fn filter(model: &Model, buffer: &mut Buffer, area: Rect, input: &tui_input::Input) -> Position {
    let shown = model.images.rows().len();
    let hits = format!(
        "  {shown} of {}  ",
        count(model.board.jobs().len(), "image")
    );
    let mut pen = pen(model, buffer, area, 0);
    pen.skip(1);
    pen.put(Role::Key, "/");
    pen.at_end(&[
        (Role::Strong, &hits),
        (Role::Key, "enter"),
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
            skipped += unicode_width::UnicodeWidthChar::width(*c).unwrap_or(0);
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
