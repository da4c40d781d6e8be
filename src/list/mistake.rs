//! One mistake in a list: the message, the text it is about, and what to write instead.

use std::ops::Range;

/// One mistake in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub message: String,
    /// The text it is about, the main place first.
    pub marks: Vec<Mark>,
    /// What to write instead.
    pub help: Option<String>,
}

/// A place in the list's text, with a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Byte range in the list's text.
    pub at: Range<usize>,
    pub label: Option<String>,
}

impl Mistake {
    pub(super) fn new(message: impl Into<String>, at: Range<usize>) -> Self {
        Self {
            message: message.into(),
            marks: vec![Mark { at, label: None }],
            help: None,
        }
    }

    /// Labels the main place.
    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        if let Some(main) = self.marks.first_mut() {
            main.label = Some(label.into());
        }
        self
    }

    /// Marks another place as well.
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
