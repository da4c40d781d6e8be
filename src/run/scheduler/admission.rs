//! Which images may start now.
//!
//! Decides from the board alone. Invariant: a registry that throttles delays its own images only.

use crate::batch::{Board, JobId, RegistryStatus};

/// Up to this many times `parallel`, images may run beyond it that only wait for uploads of others.
const MAX_BLOCKED_SHARE: usize = 4;
/// While a registry throttles, images of others are searched up to this position in the queue.
const MAX_SEARCHED: usize = 10_000;

/// The jobs that may start now, in the order they should. The cost grows with what it returns, not with the batch.
///
/// An image that only waits for another one's upload sends nothing, so the next may start beside it: otherwise the
/// images on one base would leave streams idle while that base is sent.
pub(in crate::run) fn admit(board: &Board) -> Vec<JobId> {
    if board.paused || board.stopping.is_some() || board.finished {
        return Vec::new();
    }
    let parallel = usize::from(board.parallel);
    let running = board.counts().running;
    let free = (parallel + board.blocked())
        .min(parallel * (1 + MAX_BLOCKED_SHARE))
        .saturating_sub(running);
    if free == 0 || !board.registries.values().any(is_throttled) {
        return board.queue().take(free).collect();
    }
    let may_start = |id: &JobId| {
        board.job(*id).is_some_and(|view| {
            // The source of a staged image is not asked again.
            let source = (view.staged.is_none()).then_some(&view.job.spec.source);
            let destination = &view.job.spec.destination;
            source
                .into_iter()
                .chain([destination])
                .filter_map(|location| board.registries.get(&location.store()))
                .all(|status| !is_throttled(status))
        })
    };
    board
        .queue()
        .take(MAX_SEARCHED)
        .filter(may_start)
        .take(free)
        .collect()
}

fn is_throttled(status: &RegistryStatus) -> bool {
    status.throttled_ms.is_some()
}
