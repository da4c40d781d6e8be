//! How many jobs are in each state.

use super::State;
use crate::batch::SkipReason;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateCounts {
    pub queued: usize,
    pub running: usize,
    pub waiting: usize,
    /// At the destination without their tags.
    pub staged: usize,
    pub copied: usize,
    pub up_to_date: usize,
    pub failed: usize,
    /// By an operator.
    pub skipped: usize,
    /// Skipped because the destination has another image there.
    pub kept: usize,
}

impl StateCounts {
    pub(super) fn of(&mut self, state: &State) -> &mut usize {
        match state {
            State::Queued => &mut self.queued,
            State::Running => &mut self.running,
            State::Waiting { .. } => &mut self.waiting,
            State::Staged { .. } => &mut self.staged,
            State::Copied => &mut self.copied,
            State::UpToDate => &mut self.up_to_date,
            State::Failed => &mut self.failed,
            State::Skipped(SkipReason::User) => &mut self.skipped,
            State::Skipped(SkipReason::Kept { .. }) => &mut self.kept,
        }
    }
}
