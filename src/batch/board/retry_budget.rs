//! How much of its retry budget an image has used.
//!
//! Decides what counts: attempts that failed do, attempts that a registry postponed do not. An operator's retry gives
//! the whole budget back. How large it is, the retry policy of `run/scheduler` decides.

use crate::batch::{Attempt, Millis};

/// What one image has used since its budget was last renewed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetryBudget {
    /// Attempts that do not count: those before the budget was renewed, and one for each deferral.
    uncounted: Attempt,
    /// Attempts that ended because a registry asked to wait, and how long it asked for in all.
    pub deferrals: u16,
    pub deferred: Millis,
}

impl RetryBudget {
    /// The budget of an image whose last attempt is `attempt`, unused.
    pub(super) fn renewed(attempt: Attempt) -> Self {
        Self {
            uncounted: attempt,
            ..Self::default()
        }
    }

    /// A registry asked to wait, which is no failure of the image.
    pub(super) fn defer(&mut self, delay: Millis) {
        self.uncounted.0 = self.uncounted.0.saturating_add(1);
        self.deferrals = self.deferrals.saturating_add(1);
        self.deferred.0 = self.deferred.0.saturating_add(delay.0);
    }

    /// How many attempts are used when `attempt` is the last one.
    pub(super) fn used(&self, attempt: Attempt) -> u16 {
        attempt.0 - self.uncounted.0.min(attempt.0)
    }
}
