//! All mistakes of a list, with the list's text.
//!
//! Decides their order; how they look is decided in `render`. Invariant: a [`Mistakes`] has at least one mistake.

use std::{fmt, ops::Range, sync::Arc};

use super::{
    mistake::{Mark, Mistake},
    render::{self, Colours},
    text::{Position, Text},
};

/// Everything that is wrong with a list. `Display` shows it without colours.
pub struct Mistakes {
    text: Arc<Text>,
    all: Vec<Mistake>,
}

impl Mistakes {
    /// The mistakes in the order of the text, if there are any.
    pub(super) fn found(text: &Arc<Text>, mut all: Vec<Mistake>) -> Result<(), Self> {
        if all.is_empty() {
            return Ok(());
        }
        all.sort_by_key(Mistake::start);
        Err(Self {
            text: Arc::clone(text),
            all,
        })
    }

    /// Mistakes of another file, shown as those of a list are.
    pub(crate) fn of_file(file: &str, text: &str, all: Vec<(Range<usize>, String)>) -> Self {
        let all = all.into_iter();
        Self {
            text: Arc::new(Text::new(file, text, &[])),
            all: all.map(|(at, message)| Mistake::new(message, at)).collect(),
        }
    }

    /// How many there are; rendering shows the first fifty of them.
    #[must_use]
    pub fn count(&self) -> usize {
        self.all.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.all.iter()
    }

    /// The list, as messages call it.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.text.file
    }

    /// Where a mark begins.
    #[must_use]
    pub fn position(&self, mark: &Mark) -> Position {
        self.text.position(mark.at.start)
    }

    /// The mistakes as a person reads them: file, line, column, the text underlined, what to write.
    /// Control characters of the list are shown as visible ones.
    #[must_use]
    pub fn render(&self, colours: Colours) -> String {
        render::render(&self.text, &self.all, colours)
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Colours::Off))
    }
}

impl fmt::Debug for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Mistakes {}
