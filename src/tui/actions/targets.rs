//! Which images an action applies to.

use std::collections::BTreeSet;

use crate::{
    batch::{JobId, JobView},
    tui::{layout::Pane, model::Model},
};

/// The marked images, else those of the selected cause, else the selected one.
pub(super) fn targets(model: &Model) -> BTreeSet<JobId> {
    match model.focus {
        Pane::Failures if !model.images.has_marks() => model.failures.targets(),
        _ => model.images.targets(),
    }
}

pub(super) fn target_views(model: &Model) -> Vec<&JobView> {
    (targets(model).iter())
        .filter_map(|job| model.board.job(*job))
        .collect()
}
