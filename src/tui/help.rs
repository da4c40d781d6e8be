//! The text of help, from a key table, as wide as there is room.

use ratatui::layout::Size;

use super::{
    bindings::{Heading, Keymap},
    typed_words::TypedWords,
};
use crate::present::wrap;

/// Cells of the keys before what they do.
pub const KEYS: usize = 18;

#[derive(Clone, Debug)]
pub enum HelpLine<G> {
    Title(G),
    /// Keys and what they do; without keys, more of what the ones above do.
    Key(String, String),
    Gap,
    NothingFound,
}

/// The lines in which every word of `search` is found, under their titles; what keys do in pieces of
/// `cells` cells.
#[must_use]
pub fn lines<G: Heading>(keys: &Keymap<G>, search: &str, cells: usize) -> Vec<HelpLine<G>> {
    let mut words = TypedWords::new(search);
    let mut lines = Vec::new();
    let mut last = None;
    for binding in keys.explained() {
        let keys = binding.keys.join(" ");
        let title = binding.group.title();
        if !words.are_in(&format!("{keys} {title} {}", binding.says)) {
            continue;
        }
        if last.is_some_and(|group| group != binding.group) {
            lines.push(HelpLine::Gap);
        }
        if last != Some(binding.group) {
            lines.push(HelpLine::Title(binding.group));
        }
        last = Some(binding.group);
        let mut keys = Some(keys);
        for says in wrap(&binding.says.replace('`', ""), cells) {
            lines.push(HelpLine::Key(keys.take().unwrap_or_default(), says));
        }
    }
    if lines.is_empty() {
        lines.push(HelpLine::NothingFound);
    }
    lines
}

/// How many cells of a terminal of this size say what keys do: beside the frame and the keys.
#[must_use]
pub fn cells(size: Size) -> usize {
    usize::from(size.width).saturating_sub(KEYS + 6).min(90)
}

/// How many lines of help a terminal of this size shows.
#[must_use]
pub fn height(size: Size, lines: usize) -> usize {
    usize::from(size.height.saturating_sub(4)).min(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::{browse, keymap};

    fn found<G: Heading>(keys: &Keymap<G>, search: &str) -> Vec<String> {
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
    fn keys_have_their_place_and_nothing_is_left_out_where_it_is_narrow() {
        fn check<G: Heading>(keymap: &Keymap<G>) {
            for binding in keymap.explained() {
                assert!(binding.keys.join(" ").len() < KEYS, "{:?}", binding.keys);
            }
            let said = |cells| {
                let says = lines(keymap, "", cells)
                    .into_iter()
                    .filter_map(|line| match line {
                        HelpLine::Key(_, says) => Some(says),
                        _ => None,
                    });
                says.collect::<String>().replace(' ', "")
            };
            assert_eq!(said(20), said(900));
        }
        check(&keymap::Keymap::default());
        check(&browse::keys::Keymap::default());
    }
}
