//! The last lines of what happened.

use std::{collections::VecDeque, time::Duration};

use crate::present::Sentence;

/// Lines kept; older ones are in the journal's events and the program's own log.
const KEPT: usize = 2000;

#[derive(Clone, Debug, Default)]
pub struct Log {
    lines: VecDeque<(Duration, Sentence)>,
}

impl Log {
    pub fn push(&mut self, at: Duration, sentence: Sentence) {
        if self.lines.len() == KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back((at, sentence));
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// `height` lines that end `from_end` lines before the newest, oldest first.
    pub fn page(
        &self,
        from_end: usize,
        height: usize,
    ) -> impl Iterator<Item = &(Duration, Sentence)> {
        let end = self.lines.len().saturating_sub(from_end);
        self.lines.range(end.saturating_sub(height)..end)
    }
}
