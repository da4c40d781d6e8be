//! A list with a cursor and a filter.
//!
//! Invariant: a new filter or a new list keeps the cursor on its entry while that entry is there.

use std::fmt::Display;

use crate::tui::scroll::in_view;

#[derive(Clone, Debug)]
pub struct Chooser<T> {
    items: Vec<T>,
    /// The items that are shown, by position.
    rows: Vec<usize>,
    /// Position in `rows`.
    cursor: usize,
    pub offset: usize,
    filter: String,
}

impl<T: Clone + PartialEq + Display> Chooser<T> {
    pub fn new(items: Vec<T>) -> Self {
        Self {
            rows: (0..items.len()).collect(),
            items,
            cursor: 0,
            offset: 0,
            filter: String::new(),
        }
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// All entries, filtered or not.
    pub fn items(&self) -> &[T] {
        &self.items
    }

    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// The entries shown, in order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &T> {
        self.rows.iter().map(|row| &self.items[*row])
    }

    pub fn cursor(&self) -> usize {
        self.cursor
    }

    pub fn selected(&self) -> Option<&T> {
        self.rows.get(self.cursor).map(|row| &self.items[*row])
    }

    pub fn select(&mut self, item: &T) {
        let at = self.rows().position(|row| row == item);
        if let Some(at) = at {
            self.cursor = at;
        }
    }

    pub fn set_items(&mut self, items: &[T]) {
        if self.items != items {
            let selected = self.selected().cloned();
            self.items = items.to_vec();
            self.refilter(selected);
        }
    }

    /// Shows entries that contain `filter`, ignoring case; a leading `!` inverts it.
    pub fn set_filter(&mut self, filter: &str) {
        let selected = self.selected().cloned();
        filter.clone_into(&mut self.filter);
        self.refilter(selected);
    }

    pub fn move_to(&mut self, row: usize) {
        self.cursor = row.min(self.rows.len().saturating_sub(1));
    }

    pub fn scroll_into_view(&mut self, height: usize) {
        self.offset = in_view(self.offset, self.cursor, height, self.rows.len());
    }

    fn refilter(&mut self, selected: Option<T>) {
        let filter = self.filter.to_lowercase();
        let (contains, text) = match filter.strip_prefix('!') {
            Some(text) => (false, text),
            None => (true, filter.as_str()),
        };
        self.rows = (self.items.iter().enumerate())
            .filter(|(_, item)| {
                text.is_empty() || item.to_string().to_lowercase().contains(text) == contains
            })
            .map(|(row, _)| row)
            .collect();
        self.move_to(self.cursor);
        if let Some(selected) = selected {
            self.select(&selected);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chooser() -> Chooser<String> {
        Chooser::new(
            ["api", "base/debian", "base/jre", "web"]
                .map(Into::into)
                .into(),
        )
    }

    #[test]
    fn a_filter_keeps_the_cursor_on_its_entry() {
        let mut chooser = chooser();
        chooser.move_to(2);
        chooser.set_filter("BASE");
        assert_eq!(chooser.rows().len(), 2);
        assert_eq!(chooser.selected().unwrap(), "base/jre");
        chooser.set_filter("!base");
        assert_eq!(chooser.rows().collect::<Vec<_>>(), ["api", "web"]);
        chooser.set_filter("");
        assert_eq!(chooser.rows().len(), 4);
    }

    #[test]
    fn a_list_read_anew_keeps_the_cursor_on_its_entry() {
        let mut chooser = chooser();
        chooser.move_to(1);
        chooser.set_items(&["a", "b", "base/debian"].map(Into::into));
        assert_eq!(chooser.selected().unwrap(), "base/debian");
        chooser.set_items(&[]);
        assert_eq!(chooser.selected(), None);
    }
}
