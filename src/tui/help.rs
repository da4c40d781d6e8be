//! The text of the help overlay, from the key table.

use ratatui::layout::Size;

use super::keys::{Binding, Group, explained};

#[derive(Clone, Copy, Debug)]
pub enum HelpLine {
    Title(Group),
    Key(&'static Binding),
    Gap,
}

#[must_use]
pub fn lines() -> Vec<HelpLine> {
    let mut lines = Vec::new();
    let mut last = None;
    for binding in explained() {
        if last.is_some_and(|group| group != binding.group) {
            lines.push(HelpLine::Gap);
        }
        if last != Some(binding.group) {
            lines.push(HelpLine::Title(binding.group));
        }
        last = Some(binding.group);
        lines.push(HelpLine::Key(binding));
    }
    lines
}

/// How many lines of help a terminal of this size shows.
#[must_use]
pub fn height(size: Size) -> usize {
    usize::from(size.height.saturating_sub(4)).min(lines().len())
}
