//! The last lines of the log, and which of them are shown.

use std::{collections::VecDeque, time::Duration};

use crate::{
    batch::JobId,
    present::{Level, Sentence},
};

/// Older lines are dropped.
const MAX_LINES: usize = 2000;

#[derive(Clone, Debug, Default)]
pub struct Log {
    lines: VecDeque<(Duration, Sentence)>,
    /// Hides lines of lower levels.
    min_level: Option<Level>,
    /// Hides lines about other images.
    only: Option<JobId>,
}

impl Log {
    /// Adds a line; returns whether it is shown.
    pub fn push(&mut self, at: Duration, sentence: Sentence) -> bool {
        if self.lines.len() == MAX_LINES {
            self.lines.pop_front();
        }
        let shown = self.shows(&sentence);
        self.lines.push_back((at, sentence));
        shown
    }

    /// How many lines are shown.
    #[must_use]
    pub fn shown_len(&self) -> usize {
        self.shown().count()
    }

    /// Whether there are no lines, shown or hidden.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    #[must_use]
    pub fn min_level(&self) -> Option<Level> {
        self.min_level
    }

    #[must_use]
    pub fn only(&self) -> Option<JobId> {
        self.only
    }

    /// Cycles through everything, warnings and errors, errors alone.
    pub fn next_level(&mut self) {
        self.min_level = match self.min_level {
            None | Some(Level::Info | Level::Good) => Some(Level::Warning),
            Some(Level::Warning) => Some(Level::Error),
            Some(Level::Error) => None,
        };
    }

    pub fn show_only(&mut self, job: Option<JobId>) {
        self.only = job;
    }

    /// `height` shown lines, of which the last is `from_end` lines before the newest.
    #[must_use]
    pub fn page(&self, from_end: usize, height: usize) -> Vec<&(Duration, Sentence)> {
        let mut page: Vec<_> = (self.shown().rev().skip(from_end)).take(height).collect();
        page.reverse();
        page
    }

    fn shown(&self) -> impl DoubleEndedIterator<Item = &(Duration, Sentence)> {
        (self.lines.iter()).filter(|(_, sentence)| self.shows(sentence))
    }

    fn shows(&self, sentence: &Sentence) -> bool {
        self.min_level.is_none_or(|level| sentence.level >= level)
            && self.only.is_none_or(|only| sentence.job == Some(only))
    }
}
