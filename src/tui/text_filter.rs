//! Which images the table shows by the text of their references and failures.

use std::fmt::Write as _;

use regex::{Regex, RegexBuilder};

use crate::batch::JobView;

/// Memory that a compiled expression may take.
const MAX_EXPRESSION_BYTES: usize = 1 << 20;

#[derive(Clone, Debug, Default)]
pub struct TextFilter {
    text: String,
    needle: Needle,
    inverted: bool,
}

#[derive(Clone, Debug, Default)]
enum Needle {
    #[default]
    Nothing,
    /// In lower case.
    Text(String),
    Expression(Regex),
    /// Invalid, or not completely typed.
    Broken,
}

impl TextFilter {
    /// `text` is found ignoring case; `/text/` is a regular expression; a leading `!` inverts the filter.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let (inverted, rest) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let needle = match rest.strip_prefix('/') {
            None if rest.is_empty() => Needle::Nothing,
            None => Needle::Text(rest.to_lowercase()),
            Some("") => Needle::Nothing,
            Some(expression) => expression
                .strip_suffix('/')
                .filter(|expression| !expression.is_empty())
                .and_then(|expression| {
                    RegexBuilder::new(expression)
                        .case_insensitive(true)
                        .size_limit(MAX_EXPRESSION_BYTES)
                        .build()
                        .ok()
                })
                .map_or(Needle::Broken, Needle::Expression),
        };
        Self {
            text: text.into(),
            needle,
            inverted,
        }
    }

    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether every image matches.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self.needle, Needle::Nothing | Needle::Broken)
    }

    /// Whether it starts like an expression and is not a valid one; every image matches then.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        matches!(self.needle, Needle::Broken)
    }

    /// Whether the image is shown. `text` is a reusable buffer: a long list needs no allocation per image.
    pub(super) fn matches(&self, view: &JobView, text: &mut String) -> bool {
        if self.is_empty() {
            return true;
        }
        text.clear();
        let _ = write!(
            text,
            "{} {}",
            view.job.spec.source, view.job.spec.destination
        );
        if let Some(cause) = view.cause() {
            let _ = write!(text, " {cause}");
        }
        let found = match &self.needle {
            Needle::Nothing | Needle::Broken => true,
            Needle::Text(needle) => {
                text.make_ascii_lowercase();
                text.contains(needle)
            }
            Needle::Expression(expression) => expression.is_match(text),
        };
        found != self.inverted
    }
}
