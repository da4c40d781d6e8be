//! A box with a title in the middle of the screen.

use ratatui::{
    layout::{Rect, Size},
    symbols::border,
    widgets::{Block, BorderType, Clear, Padding, Widget as _},
};

use super::canvas::Canvas;
use crate::{
    present::{Glyphs, width},
    tui::theme::Role,
};

/// One line in parts.
pub(super) type Line = Vec<(Role, String)>;

/// Draws a box as large as its lines.
pub(super) fn draw(canvas: &mut Canvas, title: &str, lines: &[Line]) {
    let widest = (lines.iter())
        .map(|line| line.iter().map(|(_, text)| width(text)).sum())
        .chain([width(title) + 2])
        .max()
        .unwrap_or(0);
    let cells = u16::try_from(widest + 4).unwrap_or(u16::MAX);
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX);
    let area = centred(canvas.buffer.area.as_size(), cells, height);
    Clear.render(area, canvas.buffer);
    let theme = canvas.options.theme;
    let kind = match canvas.options.glyphs == Glyphs::ASCII {
        true => None,
        false => Some(BorderType::Rounded),
    };
    let block = Block::bordered()
        .padding(Padding::horizontal(1))
        .border_style(theme.style(Role::Accent))
        .title_style(theme.style(Role::Accent))
        .title(format!(" {title} "));
    let inner = block.inner(area);
    match kind {
        Some(kind) => block.border_type(kind).render(area, canvas.buffer),
        None => block.border_set(ASCII_BORDER).render(area, canvas.buffer),
    }
    for (row, line) in (0..inner.height).zip(lines) {
        let mut writer = canvas.row(inner, row);
        for (role, text) in line {
            writer.put(*role, text);
        }
    }
}

const ASCII_BORDER: border::Set = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

fn centred(size: Size, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(size.width), height.min(size.height));
    Rect {
        x: (size.width - width) / 2,
        y: (size.height - height) / 2,
        width,
        height,
    }
}
