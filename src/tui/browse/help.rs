//! The text of help, from the key table.

use super::keys::{Binding, Group, Keymap};

#[derive(Clone, Copy, Debug)]
pub enum HelpLine<'a> {
    Title(Group),
    Key(&'a Binding),
    Gap,
}

#[must_use]
pub fn help_lines(keys: &Keymap) -> Vec<HelpLine<'_>> {
    let mut lines = Vec::new();
    let mut last = None;
    for binding in keys.explained() {
        if last != Some(binding.group) {
            lines.extend(last.map(|_| HelpLine::Gap));
            lines.push(HelpLine::Title(binding.group));
        }
        last = Some(binding.group);
        lines.push(HelpLine::Key(binding));
    }
    lines
}
