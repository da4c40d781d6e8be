//! The keys and what they do.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{row_writer, titled};
use crate::tui::{
    bindings::Heading as _,
    browse::model::Browser,
    help::{self, HelpLine},
    theme::Role,
};

pub fn draw(browser: &Browser, buffer: &mut Buffer, area: Rect, offset: usize) {
    let keys = &browser.options.browser_keys;
    let lines = help::lines(keys, "", help::cells(browser.size));
    let height = usize::from(area.height.saturating_sub(1));
    // A larger terminal has fewer lines than the one that was scrolled.
    let offset = offset.min(lines.len().saturating_sub(height));
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
        let mut pen = row_writer(browser, buffer, area, row);
        pen.skip(1);
        match line {
            HelpLine::Title(group) => pen.put(Role::Strong, group.title()),
            HelpLine::Key(keys, says) => {
                pen.skip(1);
                pen.put(Role::Key, &format!("{keys:<0$}", help::KEYS));
                pen.put(Role::Text, &says);
            }
            HelpLine::Gap | HelpLine::NothingFound => {}
        }
    }
}
