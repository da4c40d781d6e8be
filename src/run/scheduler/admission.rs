//! Which images may start now.
//!
//! Decides from the board alone. Invariant: a registry that throttles holds back its own images only.

use crate::batch::{Board, JobId, RegistryStatus};

/// Of the images in flight, at most so many times what is asked for only wait for others' uploads.
const HELD_UP: usize = 4;
/// While a registry throttles, images of others are looked for up to this place in the queue.
const FARTHEST_LOOK: usize = 10_000;

/// The jobs that may start now, in the order they should. While a review goes on, starting one is looking at
/// it. Costs what it returns, not what there is.
///
/// An image that can only wait for another one's upload moves nothing, so the next may start beside it:
/// else the images on one base would leave the streams idle while that base is sent.
pub(in crate::run) fn admit(board: &Board) -> Vec<JobId> {
    if board.paused || board.stopping.is_some() || board.finished {
        return Vec::new();
    }
    let parallel = usize::from(board.parallel);
    let running = board.counts().running;
    let free = (parallel + board.blocked())
        .min(parallel * (1 + HELD_UP))
        .saturating_sub(running);
    if free == 0 || !board.registries.values().any(is_throttled) {
        return board.queue().take(free).collect();
    }
    let may_go_on = |id: &JobId| {
        board.job(*id).is_some_and(|view| {
            [&view.job.spec.source, &view.job.spec.destination]
                .into_iter()
                .filter_map(|reference| board.registries.get(&reference.registry))
                .all(|lane| !is_throttled(lane))
        })
    };
    board
        .queue()
        .take(FARTHEST_LOOK)
        .filter(may_go_on)
        .take(free)
        .collect()
}

fn is_throttled(lane: &RegistryStatus) -> bool {
    lane.throttled_ms.is_some()
}
