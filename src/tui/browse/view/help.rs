//! The keys and what they do.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{pen, titled};
use crate::tui::{
    browse::{
        help::{HelpLine, help_lines},
        model::Browser,
    },
    keymap::Heading as _,
    theme::Role,
};

pub fn draw(browser: &Browser, buffer: &mut Buffer, area: Rect, offset: usize) {
    let lines = help_lines(&browser.options.browser_keys);
    let height = usize::from(area.height.saturating_sub(1));
    let mut facts = Vec::new();
    if lines.len() > height {
        let last = lines.len().min(offset + height);
        facts.push((
            Role::Dim,
            format!("{}-{last} of {}", offset + 1, lines.len()),
        ));
    }
    let area = titled(browser, buffer, area, true, "Help", &facts);
    for (row, line) in (0..area.height).zip(lines.into_iter().skip(offset)) {
        let mut pen = pen(browser, buffer, area, row);
        pen.skip(1);
        match line {
            HelpLine::Title(group) => pen.put(Role::Strong, group.title()),
            HelpLine::Key(binding) => {
                pen.skip(1);
                pen.column(Role::Key, &binding.keys.join(" "), 14);
                pen.put(Role::Text, binding.says);
            }
            HelpLine::Gap => {}
        }
    }
}
