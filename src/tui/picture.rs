//! A drawn screen as text, for snapshots.

use std::fmt::Write as _;

use ratatui::{
    buffer::Buffer,
    style::{Color, Modifier},
};

/// What is written, without the white space at the end of lines.
pub fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let mut skip = 0;
        let mut line = String::new();
        for x in 0..buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            if skip == 0 {
                line += symbol;
            }
            skip = crate::present::width(symbol).max(skip).saturating_sub(1);
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// The text, and under it each line's runs of style by their columns.
pub fn styled(buffer: &Buffer) -> String {
    let mut styles = String::new();
    for y in 0..buffer.area.height {
        let mut runs: Vec<(u16, u16, String)> = Vec::new();
        for x in 0..buffer.area.width {
            let style = buffer[(x, y)].style();
            let mut words = Vec::new();
            if let Some(color) = style.fg.filter(|color| *color != Color::Reset) {
                words.push(color.to_string().to_lowercase());
            }
            for (modifier, word) in [
                (Modifier::BOLD, "bold"),
                (Modifier::DIM, "dim"),
                (Modifier::REVERSED, "reversed"),
            ] {
                if style.add_modifier.contains(modifier) {
                    words.push(word.into());
                }
            }
            let words = words.join(" ");
            match runs.last_mut() {
                Some((_, end, last)) if *end == x && *last == words => *end = x + 1,
                _ => runs.push((x, x + 1, words)),
            }
        }
        let runs: Vec<String> = (runs.iter().filter(|(.., words)| !words.is_empty()))
            .map(|(start, end, words)| format!("{start}..{end} {words}"))
            .collect();
        let _ = writeln!(styles, "{y:>2}: {}", runs.join(", "));
    }
    format!("{}\n{styles}", text(buffer))
}
