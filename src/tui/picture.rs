//! A frame as text, for snapshots.
//!
//! A sheet shows one screen at several sizes, each with a second layer that has a letter for the style of
//! every cell: the colour's first letter, in capitals when bold; `.` dim, `+` bold, and for reversed cells `#`
//! (selected), `!` (alert) and `*` (success). A blank is the terminal's default.

use std::fmt::Write as _;

use ratatui::{
    buffer::{Buffer, Cell},
    style::{Color, Modifier},
};

/// The sizes of every snapshot.
pub const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (60, 15)];

/// The text, without white space at the end of lines.
pub fn text(buffer: &Buffer) -> String {
    lines(buffer, |buffer, y| {
        let mut skip = 0;
        let mut line = String::new();
        for x in 0..buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            if skip == 0 {
                line += symbol;
            }
            skip = crate::present::width(symbol).max(skip).saturating_sub(1);
        }
        line
    })
}

/// A letter for the style of each cell, without white space at the end of lines.
pub fn styles(buffer: &Buffer) -> String {
    lines(buffer, |buffer, y| {
        let cells = 0..buffer.area.width;
        cells.map(|x| letter(&buffer[(x, y)])).collect()
    })
}

/// The text and, under it, the styles.
pub fn styled(buffer: &Buffer) -> String {
    format!("{}\n{}", text(buffer), styles(buffer))
}

/// A screen at all [`SIZES`].
pub fn sheet(mut draw: impl FnMut(u16, u16) -> Buffer) -> String {
    let mut sheet = String::new();
    for (width, height) in SIZES {
        let picture = styled(&draw(width, height));
        let _ = writeln!(sheet, "---- {width}x{height} ----\n{picture}");
    }
    sheet
}

fn lines(buffer: &Buffer, line: impl Fn(&Buffer, u16) -> String) -> String {
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let _ = writeln!(text, "{}", line(buffer, y).trim_end());
    }
    text
}

fn letter(cell: &Cell) -> char {
    let modifier = cell.modifier;
    let bold = modifier.contains(Modifier::BOLD);
    if modifier.contains(Modifier::REVERSED) {
        return match cell.fg {
            Color::Green => '*',
            Color::Yellow | Color::Magenta => '!',
            _ => '#',
        };
    }
    let letter = match cell.fg {
        // The colour of a blank is invisible.
        _ if cell.symbol() == " " => return ' ',
        _ if modifier.contains(Modifier::DIM) => return '.',
        Color::Reset if bold => return '+',
        Color::Reset => return ' ',
        Color::Red => 'r',
        Color::Green => 'g',
        Color::Yellow => 'y',
        Color::Blue => 'b',
        Color::Magenta => 'm',
        Color::Cyan => 'c',
        _ => '?',
    };
    match bold {
        true => letter.to_ascii_uppercase(),
        false => letter,
    }
}
