//! The last line: the answer to the last key, the filter's input, or the keys there are.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::pen;
use crate::{
    present::{Level, count, plain, skip, width},
    tui::{
        keys::{Action, Mode},
        model::{Model, Overlay},
        theme::Role,
    },
};

/// Cells that are kept free for what is typed.
const TYPED: usize = 20;

/// Draws the line; gives where the text cursor belongs, if anywhere.
pub fn draw(model: &Model, buffer: &mut Buffer, area: Rect) -> Option<Position> {
    match model.overlays.last() {
        Some(Overlay::Filter(input)) => {
            let shown = model.images.rows().len();
            let images = count(model.board.jobs().len(), "image");
            let hits = format!("  {shown} of {images}  ");
            return Some(typing(model, buffer, area, "/", input, &hits));
        }
        Some(Overlay::Help {
            search,
            typing: true,
            ..
        }) => return Some(typing(model, buffer, area, "/", search, "  ")),
        Some(Overlay::Palette { input, .. }) => {
            return Some(typing(model, buffer, area, ":", input, "  "));
        }
        Some(Overlay::Help { .. } | Overlay::Question { .. } | Overlay::Leave) | None => {}
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

/// As many keys as there is room for, the one that ends a review first; how to get help and how to leave come
/// before all others.
fn hints(model: &Model, buffer: &mut Buffer, area: Rect, mode: Mode) {
    let mut hints: Vec<_> = (model.options.keys.in_mode(mode))
        .filter(|binding| !binding.hint.is_empty() && model.offers(binding))
        .filter_map(|binding| Some((binding, binding.keys.first()?)))
        .collect();
    hints.sort_by_key(|(binding, _)| binding.action != Action::Begin);
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
        let cells = width(key) + width(binding.hint) + 3;
        if cells > usize::from(pen.room()) {
            break;
        }
        pen.put(Role::Key, key);
        pen.put(Role::Dim, &format!(" {}  ", binding.hint));
    }
}

/// A line that is typed into, after what it is for; its keys stand at the end.
fn typing(
    model: &Model,
    buffer: &mut Buffer,
    area: Rect,
    prompt: &str,
    input: &tui_input::Input,
    hits: &str,
) -> Position {
    let hints: Vec<(String, String)> = (model.options.keys.in_mode(model.mode()))
        .filter(|binding| !binding.hint.is_empty())
        .filter_map(|binding| {
            Some((
                binding.keys.first()?.clone(),
                format!(" {}  ", binding.hint),
            ))
        })
        .collect();
    let mut parts = vec![(Role::Strong, hits)];
    let keys: usize = (hints.iter())
        .map(|(key, hint)| width(key) + width(hint))
        .sum();
    let mut pen = pen(model, buffer, area, 0);
    pen.skip(1);
    pen.put(Role::Key, prompt);
    // What is typed matters more than the keys that end it.
    if usize::from(pen.room()) >= width(hits) + keys + TYPED {
        for (key, hint) in &hints {
            parts.extend([(Role::Key, key.as_str()), (Role::Dim, hint)]);
        }
    }
    pen.at_end(&parts);
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
