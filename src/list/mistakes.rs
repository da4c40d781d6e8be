//! What is wrong with a list: the mistakes, all of them, with the text that is to blame.
//!
//! Decides what a mistake consists of and in which order mistakes are told; how they look is decided in
//! `render`. Invariant: a [`Mistakes`] has at least one mistake.

use std::{fmt, ops::Range, sync::Arc};

use super::{render, text::Text};

/// One thing to mend in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub message: String,
    /// The text to blame, the main place first.
    pub marks: Vec<Mark>,
    /// What to write instead.
    pub help: Option<String>,
}

/// A place in the list's text and what is to be said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Byte range in the list's text.
    pub at: Range<usize>,
    pub label: Option<String>,
}

/// Everything that is wrong with a list. Shown plain by `Display`.
pub struct Mistakes {
    text: Arc<Text>,
    all: Vec<Mistake>,
}

/// Whether rendered mistakes carry terminal colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    On,
    Off,
}

impl Mistake {
    pub(super) fn new(message: impl Into<String>, at: Range<usize>) -> Self {
        Self {
            message: message.into(),
            marks: vec![Mark { at, label: None }],
            help: None,
        }
    }

    /// Says something of the main place.
    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        if let Some(main) = self.marks.first_mut() {
            main.label = Some(label.into());
        }
        self
    }

    /// Points at another place as well.
    pub(super) fn and(mut self, at: Range<usize>, label: impl Into<String>) -> Self {
        self.marks.push(Mark {
            at,
            label: Some(label.into()),
        });
        self
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The byte at which the main place starts.
    pub(super) fn start(&self) -> usize {
        self.marks.first().map_or(0, |mark| mark.at.start)
    }
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
