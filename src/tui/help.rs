//! The help overlay: what it shows of a key table, for every screen.

use ratatui::layout::Size;
use tui_input::Input;

use super::{
    bindings::{KeyTable, Keymap},
    typed_words::TypedWords,
};
use crate::present::wrap;

/// Cells of the column of keys.
pub const KEYS: usize = 18;

/// The state of the open overlay.
#[derive(Clone, Debug, Default)]
pub struct Help {
    /// The first line shown.
    pub offset: usize,
    pub search: Input,
    /// Whether keys are typed into the search.
    pub is_typing: bool,
}

#[derive(Clone, Debug)]
pub enum HelpLine {
    Title(&'static str),
    /// Keys and their explanation; a line without keys continues the one above.
    Key(String, String),
    Gap,
    NothingFound,
}

/// The lines that contain every word of `search`, under their titles. Explanations are wrapped to `cells` cells.
#[must_use]
pub fn lines<T: KeyTable>(keys: &Keymap<T>, search: &str, cells: usize) -> Vec<HelpLine> {
    let mut words = TypedWords::new(search);
    let mut lines = Vec::new();
    let mut last = None;
    for binding in keys.explained() {
        let keys = binding.keys.join(" ");
        let title = binding.section.title();
        if !words.are_in(&format!("{keys} {title} {}", binding.explanation)) {
            continue;
        }
        if last.is_some_and(|section| section != binding.section) {
            lines.push(HelpLine::Gap);
        }
        if last != Some(binding.section) {
            lines.push(HelpLine::Title(title));
        }
        last = Some(binding.section);
        let mut keys = Some(keys);
        for line in wrap(&binding.explanation.replace('`', ""), cells) {
            lines.push(HelpLine::Key(keys.take().unwrap_or_default(), line));
        }
    }
    if lines.is_empty() {
        lines.push(HelpLine::NothingFound);
    }
    lines
}

/// The width of explanations in a terminal of this size.
#[must_use]
pub fn cells(size: Size) -> usize {
    usize::from(size.width).saturating_sub(KEYS + 6).min(90)
}

/// How many of `lines` lines a terminal of this size shows.
#[must_use]
pub fn height(size: Size, lines: usize) -> usize {
    usize::from(size.height.saturating_sub(4)).min(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::{browse, keymap};

    fn found<T: KeyTable>(keys: &Keymap<T>, search: &str) -> Vec<String> {
        (lines(keys, search, 90).into_iter())
            .filter_map(|line| match line {
                HelpLine::Key(keys, _) => Some(keys),
                HelpLine::Title(_) | HelpLine::Gap | HelpLine::NothingFound => None,
            })
            .collect()
    }

    #[test]
    fn a_search_finds_lines_with_all_its_words() {
        let keys = keymap::Keymap::default();
        assert_eq!(found(&keys, "RETRY all"), ["R"]);
        assert_eq!(found(&keys, "clipboard"), ["y", "Y"]);
        assert_eq!(found(&keys, "no such words"), [""; 0]);
    }

    #[test]
    fn keys_fit_their_column_and_narrow_help_is_complete() {
        fn check<T: KeyTable>(keymap: &Keymap<T>) {
            for binding in keymap.explained() {
                assert!(binding.keys.join(" ").len() < KEYS, "{:?}", binding.keys);
            }
            let explanations = |cells| {
                let lines = lines(keymap, "", cells)
                    .into_iter()
                    .filter_map(|line| match line {
                        HelpLine::Key(_, explanation) => Some(explanation),
                        _ => None,
                    });
                lines.collect::<String>().replace(' ', "")
            };
            assert_eq!(explanations(20), explanations(900));
        }
        check(&keymap::Keymap::default());
        check(&browse::keymap::Keymap::default());
    }
}
