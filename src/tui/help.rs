//! The text of the help overlay, from the key table.

use ratatui::layout::Size;

use super::{
    keymap::Heading as _,
    keys::{Binding, Group, Keymap},
};

#[derive(Clone, Copy, Debug)]
pub enum HelpLine<'a> {
    Title(Group),
    Key(&'a Binding),
    Gap,
    NothingFound,
}

/// The lines in which every word of `search` is found, under their titles.
#[must_use]
pub fn lines<'a>(keys: &'a Keymap, search: &str) -> Vec<HelpLine<'a>> {
    let words: Vec<String> = search.split_whitespace().map(str::to_lowercase).collect();
    let found = |binding: &&Binding| {
        let keys = binding.keys.join(" ");
        let title = binding.group.title();
        let text = format!("{keys} {title} {}", binding.says).to_lowercase();
        words.iter().all(|word| text.contains(word))
    };
    let mut lines = Vec::new();
    let mut last = None;
    for binding in keys.explained().filter(found) {
        if last.is_some_and(|group| group != binding.group) {
            lines.push(HelpLine::Gap);
        }
        if last != Some(binding.group) {
            lines.push(HelpLine::Title(binding.group));
        }
        last = Some(binding.group);
        lines.push(HelpLine::Key(binding));
    }
    if lines.is_empty() {
        lines.push(HelpLine::NothingFound);
    }
    lines
}

/// How many lines of help a terminal of this size shows.
#[must_use]
pub fn height(size: Size, lines: usize) -> usize {
    usize::from(size.height.saturating_sub(4)).min(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(search: &str) -> Vec<String> {
        let keys = Keymap::default();
        (lines(&keys, search).iter())
            .filter_map(|line| match line {
                HelpLine::Key(binding) => Some(binding.name()),
                HelpLine::Title(_) | HelpLine::Gap | HelpLine::NothingFound => None,
            })
            .collect()
    }

    #[test]
    fn a_search_finds_lines_with_all_its_words() {
        assert_eq!(found("RETRY all"), ["retry-all-failed"]);
        assert_eq!(found("clipboard"), ["copy-reference", "copy-failure"]);
        assert_eq!(found("no such words"), [""; 0]);
    }
}
