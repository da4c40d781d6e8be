//! The last lines of what happened, and which of them are shown.

use std::{collections::VecDeque, time::Duration};

use crate::{
    batch::JobId,
    present::{Level, Sentence},
};

/// Lines kept; older ones are in the journal's events and the program's own log.
const KEPT: usize = 2000;

#[derive(Clone, Debug, Default)]
pub struct Log {
    lines: VecDeque<(Duration, Sentence)>,
    /// Lines of lower levels are not shown; all are if there is none.
    min_level: Option<Level>,
    /// Only lines about this image are shown.
    only: Option<JobId>,
}

impl Log {
    /// Adds a line; whether it is one of those shown.
    pub fn push(&mut self, at: Duration, sentence: Sentence) -> bool {
        if self.lines.len() == KEPT {
            self.lines.pop_front();
        }
        let shown = self.shows(&sentence);
        self.lines.push_back((at, sentence));
        shown
    }

    /// How many lines are shown.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shown().count()
    }

    /// Whether nothing was ever said.
    #[must_use]
    pub fn is_silent(&self) -> bool {
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

    /// Everything, then warnings and errors, then errors alone, and round again.
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

    /// `height` shown lines that end `from_end` lines before the newest, oldest first.
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
