//! The text of a list file and where its lines are.
//!
//! Decides how a byte offset becomes a line. Invariant: a line is found by binary search, so that many
//! mistakes in a long list are not slow.

use std::ops::Range;

/// A place in a text, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub line: usize,
    /// In characters.
    pub column: usize,
}

/// The text of a list, as mistakes show it.
pub(super) struct Text {
    pub(super) file: String,
    pub(super) content: String,
    /// The offset of each line's first byte; never empty.
    line_starts: Vec<usize>,
}

impl Text {
    /// The bytes of `hidden` become asterisks: secrets in a list must not be shown.
    pub(super) fn new(file: &str, content: &str, hidden: &[Range<usize>]) -> Self {
        let mut content = content.to_owned();
        for range in hidden {
            if content.get(range.clone()).is_some() {
                content.replace_range(range.clone(), &"*".repeat(range.len()));
            }
        }
        let line_starts = std::iter::once(0)
            .chain(content.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self {
            file: file.to_owned(),
            content,
            line_starts,
        }
    }

    /// The line that holds the byte at `offset`, counted from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|&start| start <= offset)
    }

    pub(super) fn position(&self, offset: usize) -> Position {
        let line = self.line(offset);
        let at = self.clamp(&(offset..offset)).start;
        let before = self.content.get(self.line_start(line)..at);
        let column = before.map_or(0, |text| text.chars().count()) + 1;
        Position { line, column }
    }

    /// The offset at which `line` starts; the end of the text for a line after the last.
    pub(super) fn line_start(&self, line: usize) -> usize {
        self.line_starts
            .get(line.saturating_sub(1))
            .copied()
            .unwrap_or(self.content.len())
    }

    /// `range` within this text and on character boundaries, whatever it was.
    pub(super) fn clamp(&self, range: &Range<usize>) -> Range<usize> {
        let start = self.content.floor_char_boundary(range.start);
        let end = self.content.ceil_char_boundary(range.end.max(start));
        start..end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_on_the_line_whose_start_precedes_it() {
        let text = Text::new("x", "ab\n\ncd", &[]);
        let lines: Vec<usize> = (0..6).map(|offset| text.line(offset)).collect();
        assert_eq!(lines, [1, 1, 1, 2, 3, 3]);
        assert_eq!(text.line_start(3), 4);
        assert_eq!(text.line_start(9), 6);
    }

    #[test]
    fn a_column_counts_characters() {
        let text = Text::new("x", "ab\näöü = 1", &[]);
        let position = |line, column| Position { line, column };
        assert_eq!(text.position(0), position(1, 1));
        assert_eq!(text.position(9), position(2, 4));
        assert_eq!(text.position(99), position(2, 8));
    }

    #[test]
    fn hidden_text_keeps_its_length() {
        let password = 7..16;
        let text = Text::new("x", "key = \"pässword\"", std::slice::from_ref(&password));
        assert_eq!(text.content, "key = \"*********\"");
    }
}
