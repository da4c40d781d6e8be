//! How often one attempt may continue an upload after failures.
//!
//! Decides when the attempt has failed, and how long to wait before it continues. Invariant: every way to continue is
//! bounded: by progress, by the number of sessions, by the number of upload modes.

use std::time::Duration;

/// Failures in a row without progress that an attempt survives.
const MAX_RESUMES_WITHOUT_PROGRESS: u32 = 3;
/// Sessions that are opened again in one upload mode, because the registry lost the one before.
const MAX_RESTARTS: u32 = 3;
/// Upload modes that are tried for one blob.
const MAX_MODES: u32 = 8;

#[derive(Default)]
pub(super) struct ResumeBudget {
    /// Failures in a row without progress.
    failures: u32,
    restarts: u32,
    modes: u32,
}

impl ResumeBudget {
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    pub(super) fn is_spent(&self) -> bool {
        self.failures > MAX_RESUMES_WITHOUT_PROGRESS
    }

    pub(super) fn add_failure(&mut self) {
        self.failures += 1;
    }

    pub(super) fn add_progress(&mut self) {
        self.failures = 0;
    }

    /// Charges one more session. Returns whether there was one left.
    pub(super) fn add_restart(&mut self) -> bool {
        let is_left = self.restarts < MAX_RESTARTS;
        self.restarts += u32::from(is_left);
        is_left
    }

    pub(super) fn may_change_mode(&self) -> bool {
        self.modes < MAX_MODES
    }

    /// Charges one more mode, in which failures and sessions count anew.
    pub(super) fn add_mode(&mut self) {
        *self = Self {
            modes: self.modes + 1,
            ..Self::default()
        };
    }

    /// How long to wait before the next request. The first failure costs no wait: most cuts are single.
    pub(super) fn delay(&self, step: Duration) -> Duration {
        match self.failures {
            0 | 1 => Duration::ZERO,
            failures => step * 2u32.pow(failures - 2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_row_end_the_attempt_and_progress_excuses_them() {
        let mut budget = ResumeBudget::default();
        for _ in 0..2 {
            for _ in 0..MAX_RESUMES_WITHOUT_PROGRESS {
                budget.add_failure();
                assert!(!budget.is_spent());
            }
            budget.add_progress();
        }
        (0..=MAX_RESUMES_WITHOUT_PROGRESS).for_each(|_| budget.add_failure());
        assert!(budget.is_spent());
    }

    #[test]
    fn each_wait_is_twice_the_one_before_and_the_first_is_none() {
        let mut budget = ResumeBudget::default();
        let waits: Vec<_> = (0..4)
            .map(|_| {
                budget.add_failure();
                budget.delay(Duration::from_secs(1)).as_secs()
            })
            .collect();
        assert_eq!(waits, [0, 1, 2, 4]);
    }

    #[test]
    fn a_new_mode_brings_new_sessions_and_modes_are_counted() {
        let mut budget = ResumeBudget::default();
        for _ in 0..MAX_MODES {
            assert!(budget.may_change_mode());
            for _ in 0..MAX_RESTARTS {
                assert!(budget.add_restart());
            }
            assert!(!budget.add_restart());
            budget.add_mode();
        }
        assert!(!budget.may_change_mode());
    }
}
