//! The state of the JSON view: folded lines, cursor, search.
//!
//! Invariant: the cursor is on a line that is shown.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::document::Document;
use crate::{present::width, tui::scroll::in_view};

#[derive(Clone, Debug)]
pub struct Raw {
    pub title: String,
    pub raw: Bytes,
    pub document: Document,
    folded: BTreeSet<usize>,
    /// The line of the document the cursor is on.
    pub cursor: usize,
    /// The first line shown, counted without folded lines.
    pub offset: usize,
    /// Cells scrolled to the right.
    pub column: usize,
    pub search: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Forward,
    Backward,
}

impl Raw {
    #[must_use]
    pub fn new(title: String, raw: Bytes) -> Self {
        Self {
            title,
            document: Document::read(&raw),
            raw,
            folded: BTreeSet::new(),
            cursor: 0,
            offset: 0,
            column: 0,
            search: String::new(),
        }
    }

    pub fn is_folded(&self, line: usize) -> bool {
        self.folded.contains(&line)
    }

    /// The lines outside of folded ones.
    pub fn shown(&self) -> Vec<usize> {
        let mut shown = Vec::new();
        let mut line = 0;
        while let Some(content) = self.document.lines.get(line) {
            shown.push(line);
            line = match content.end.filter(|_| self.is_folded(line)) {
                Some(end) => end + 1,
                None => line + 1,
            };
        }
        shown
    }

    /// The position of the cursor among the shown lines, and their number.
    pub fn position(&self) -> (usize, usize) {
        let shown = self.shown();
        let at = shown.partition_point(|line| *line < self.cursor);
        (at, shown.len())
    }

    pub fn move_to(&mut self, position: usize) {
        let shown = self.shown();
        if let Some(line) = shown.get(position.min(shown.len().saturating_sub(1))) {
            self.cursor = *line;
        }
    }

    /// Scrolls `cells` to the right, or to the left if negative.
    pub fn shift(&mut self, cells: isize) {
        let lines = &self.document.lines;
        let shown = self.shown().into_iter();
        let longest = shown.map(|line| indent(lines[line].depth) + width(&lines[line].text));
        // The end of the longest line stays visible.
        let last = longest.max().unwrap_or(0).saturating_sub(10);
        self.column = self.column.saturating_add_signed(cells).min(last);
    }

    pub fn toggle(&mut self) {
        let opens = self.document.lines.get(self.cursor);
        if opens.is_some_and(|line| line.end.is_some()) && !self.folded.remove(&self.cursor) {
            self.folded.insert(self.cursor);
        }
    }

    /// Folds the line, or its parent if it has no children or is folded.
    pub fn fold(&mut self) {
        let lines = &self.document.lines;
        let opens = |line: usize| lines[line].end.is_some() && !self.folded.contains(&line);
        if self.cursor < lines.len() && opens(self.cursor) {
            self.folded.insert(self.cursor);
            return;
        }
        let parent = self.ancestors(self.cursor).next();
        if let Some(parent) = parent {
            self.cursor = parent;
            self.folded.insert(parent);
        }
    }

    /// Folds everything below the top level, or unfolds everything.
    pub fn fold_all(&mut self) {
        if !self.folded.is_empty() {
            self.folded.clear();
            return;
        }
        self.folded = (self.document.lines.iter().enumerate())
            .filter(|(_, line)| line.depth > 0 && line.end.is_some())
            .map(|(at, _)| at)
            .collect();
        let ancestors = self.ancestors(self.cursor);
        let outermost = ancestors.filter(|at| self.is_folded(*at)).last();
        if let Some(outermost) = outermost {
            self.cursor = outermost;
        }
    }

    /// The ancestors of `line`, nearest first.
    fn ancestors(&self, line: usize) -> impl Iterator<Item = usize> {
        let lines = &self.document.lines;
        (0..line)
            .rev()
            .filter(move |at| lines[*at].end.is_some_and(|end| end >= line))
    }

    pub fn matches(&self, line: usize) -> bool {
        let text = self.document.lines[line].text.to_lowercase();
        !self.search.is_empty() && text.contains(&self.search.to_lowercase())
    }

    /// How many lines match.
    pub fn count(&self) -> usize {
        let lines = 0..self.document.lines.len();
        lines.filter(|line| self.matches(*line)).count()
    }

    /// Moves to the next match and unfolds its ancestors; returns whether there is one.
    pub fn find(&mut self, direction: Direction, from_here: bool) -> bool {
        let lines = self.document.lines.len();
        let skip = usize::from(!from_here);
        let found = (skip..lines + skip)
            .map(|step| match direction {
                Direction::Forward => (self.cursor + step) % lines,
                Direction::Backward => (self.cursor + lines - step % lines) % lines,
            })
            .find(|line| self.matches(*line));
        if let Some(line) = found {
            for ancestor in self.ancestors(line).collect::<Vec<_>>() {
                self.folded.remove(&ancestor);
            }
            self.cursor = line;
        }
        found.is_some()
    }

    /// The text of the line and its children.
    pub fn selected(&self) -> String {
        let end = self
            .document
            .lines
            .get(self.cursor)
            .and_then(|line| line.end);
        self.document.text(self.cursor, end.unwrap_or(self.cursor))
    }

    pub fn scroll_into_view(&mut self, height: usize) {
        let (cursor, rows) = self.position();
        self.offset = in_view(self.offset, cursor, height, rows);
    }
}

/// The cells before a line of this depth, with the fold glyph.
pub fn indent(depth: usize) -> usize {
    depth.min(40) * 2 + 2
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `{ "a": [ 1, 2 ], "b": { "c": [ "x" ] } }` on 11 lines.
    fn raw() -> Raw {
        Raw::new(
            "test".into(),
            Bytes::from_static(br#"{"a":[1,2],"b":{"c":["x"]}}"#),
        )
    }

    fn shown(raw: &Raw) -> Vec<&str> {
        let lines = &raw.document.lines;
        raw.shown()
            .iter()
            .map(|line| lines[*line].text.as_str())
            .collect()
    }

    #[test]
    fn folding_hides_what_a_line_opens_and_unfolding_shows_it() {
        let mut raw = raw();
        raw.cursor = 1;
        raw.toggle();
        assert_eq!(shown(&raw)[..3], ["{", "\"a\": [", "\"b\": {"]);
        raw.toggle();
        assert_eq!(shown(&raw).len(), 11);
    }

    #[test]
    fn folding_from_inside_goes_to_what_was_folded() {
        let mut raw = raw();
        raw.cursor = 3;
        raw.fold();
        assert_eq!(raw.cursor, 1);
        assert!(raw.is_folded(1));
        raw.fold();
        assert_eq!(raw.cursor, 0);
        assert_eq!(shown(&raw), ["{"]);
    }

    #[test]
    fn folding_all_keeps_the_cursor_on_a_shown_line() {
        let mut raw = raw();
        raw.cursor = 7;
        raw.fold_all();
        assert_eq!(shown(&raw), ["{", "\"a\": [", "\"b\": {", "}"]);
        assert_eq!(raw.cursor, 5);
        raw.fold_all();
        assert_eq!(shown(&raw).len(), 11);
    }

    #[test]
    fn searching_unfolds_what_hides_a_match_and_goes_round() {
        let mut raw = raw();
        raw.fold_all();
        raw.cursor = 0;
        raw.search = "X".into();
        assert!(raw.find(Direction::Forward, true));
        assert_eq!(raw.document.lines[raw.cursor].text, "\"x\"");
        assert!(raw.shown().contains(&raw.cursor));
        assert!(raw.find(Direction::Backward, false));
        raw.search = "nothing".into();
        assert!(!raw.find(Direction::Forward, true));
    }

    #[test]
    fn an_empty_document_can_be_worked_on() {
        let mut raw = Raw::new("empty".into(), Bytes::new());
        raw.toggle();
        raw.fold();
        raw.fold_all();
        raw.move_to(3);
        raw.search = "x".into();
        assert!(!raw.find(Direction::Forward, true));
        assert_eq!(raw.selected(), "");
    }

    #[test]
    fn what_is_copied_is_the_line_with_all_it_opens() {
        let mut raw = raw();
        raw.cursor = 1;
        assert_eq!(raw.selected(), "\"a\": [\n  1,\n  2\n]");
    }
}
