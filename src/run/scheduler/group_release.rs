//! When the tags of a group are written.
//!
//! Decides that a complete group is released, and that a failed tag holds back those of its group that are not being
//! written yet. Invariant: no tag of a group is written while an image of it is open or has failed, but for tags that were
//! being written when the first one failed.

use super::decision::Decision;
use crate::batch::{Board, Event, JobId, JobView, QueueReason, State};

/// Queues the staged images of complete groups, so that their tags are written. Nothing is released while no image may
/// start.
pub(in crate::run) fn release(board: &Board) -> Vec<Decision> {
    if board.paused || board.stopping.is_some() || board.finished || board.is_reviewing() {
        return Vec::new();
    }
    let groups = board.complete_groups().filter_map(|name| board.group(name));
    // The image that is queued last is the first to start.
    let staged = groups.flat_map(|group| group.staged.iter().rev());
    let queued = staged.map(|job| {
        Decision::Emit(Event::JobQueued {
            job: *job,
            why: QueueReason::Released,
        })
    });
    queued.collect()
}

/// Puts back what was released of the group of `failed`, which has failed now. Tags that are being written go on.
pub(super) fn hold_back(board: &Board, failed: &JobView) -> Vec<Decision> {
    let group = failed.job.spec.group.as_ref();
    let released = group.and_then(|name| board.group(name));
    let released = released.into_iter().flat_map(|group| &group.released);
    let others = released.filter(|job| **job != failed.job.id);
    others
        .filter_map(|job| board.job(*job))
        .filter(|view| matches!(view.state, State::Queued | State::Waiting { .. }))
        .filter_map(stage_again)
        .collect()
}

/// Whether the group of `view` is no longer complete.
pub(super) fn is_held(board: &Board, view: &JobView) -> bool {
    let group = view.job.spec.group.as_ref();
    let group = group.and_then(|name| board.group(name));
    group.is_some_and(|group| group.open > 0 || !group.failed.is_empty())
}

/// The image waits for its group again.
pub(super) fn stage_again(view: &JobView) -> Option<Decision> {
    let job: JobId = view.job.id;
    let root = view.staged.clone()?;
    Some(Decision::Emit(Event::JobStaged { job, root }))
}

#[cfg(test)]
mod tests;
