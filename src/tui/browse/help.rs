//! The text of help, from the key table.

use super::keys::{Binding, Group, explained};

#[derive(Clone, Copy, Debug)]
pub enum HelpLine {
    Title(Group),
    Key(&'static Binding),
    Gap,
}

#[must_use]
pub fn help_lines() -> Vec<HelpLine> {
    let mut lines = Vec::new();
    let mut last = None;
    for binding in explained() {
        if last != Some(binding.group) {
            lines.extend(last.map(|_| HelpLine::Gap));
            lines.push(HelpLine::Title(binding.group));
        }
        last = Some(binding.group);
        lines.push(HelpLine::Key(binding));
    }
    lines
}
