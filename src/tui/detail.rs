//! The lines of the image pane.
//!
//! Decides which lines there are, not how they look. They are computed before they are drawn, because scrolling needs
//! their number.

use super::{areas::Screen, layout::Pane, model::Model};
use crate::{
    batch::{Attempt, BlobView, Failure, JobView, PlannedManifest, SkipReason, State},
    oci::Digest,
    present::{self, remedy, sanitize, wrap},
};

#[derive(Clone, Debug)]
pub enum DetailLine<'a> {
    Source(&'a JobView),
    Destination(&'a JobView),
    /// What copies it.
    Engine(&'a JobView),
    State(&'a JobView),
    /// The digest that the destination tag names or named, after a verb.
    Replaced(&'static str, &'a Digest),
    /// The first line of a failure.
    Failure(Lead, String),
    /// Continues the failure above.
    More(Lead, String),
    /// A manifest and its depth.
    Manifest(usize, &'a PlannedManifest),
    /// A blob and its depth.
    Blob(usize, &'a BlobView),
    /// Its blobs are not known.
    NoBlobs(&'a JobView),
    EarlierAttempts,
    Gap,
}

/// The kind of a line of a failure.
#[derive(Clone, Copy, Debug)]
pub enum Lead {
    /// An attempt failed.
    Failure(Attempt),
    /// A cause, and its depth in the chain.
    Cause(usize),
    /// What an operator can do.
    Advice,
}

impl Lead {
    /// Cells before the text.
    #[must_use]
    pub fn cells(self) -> u16 {
        match self {
            Self::Failure(Attempt(0)) | Self::Advice => 2,
            Self::Failure(attempt) => 12 + u16::try_from(attempt.0.to_string().len()).unwrap_or(0),
            Self::Cause(depth) => 4 + u16::try_from(depth.min(8) * 2).unwrap_or(0),
        }
    }
}

/// The lines for the selected image; empty without a selection.
#[must_use]
pub fn lines(model: &Model) -> Vec<DetailLine<'_>> {
    let Some(view) = (model.images.selected()).and_then(|job| model.board.job(job)) else {
        return Vec::new();
    };
    let cells = match model.screen() {
        Screen::Panes(areas) => areas.pane(Pane::Detail).map_or(0, |area| area.width),
        Screen::Line(_) => 0,
    };
    let mut lines = vec![DetailLine::Source(view), DetailLine::Destination(view)];
    if !view.job.spec.engine.is_native() {
        lines.push(DetailLine::Engine(view));
    }
    lines.push(DetailLine::State(view));
    lines.extend(replaced(view));
    let current = view.cause().is_some();
    let (last, earlier) = match view.failures.split_last() {
        Some((last, earlier)) if current => (Some(last), earlier),
        _ => (None, &view.failures[..]),
    };
    if let Some((attempt, cause)) = last {
        failure(&mut lines, *attempt, cause, cells);
        if view.state == State::Failed || cause.hint().is_some() {
            add_text(&mut lines, Lead::Advice, &remedy(cause), cells);
        }
    }
    lines.push(DetailLine::Gap);
    match view.blobs.is_empty() {
        true => lines.push(DetailLine::NoBlobs(view)),
        false => content(&mut lines, view),
    }
    if !earlier.is_empty() {
        lines.push(DetailLine::Gap);
        lines.push(DetailLine::EarlierAttempts);
        for (attempt, cause) in earlier.iter().rev() {
            failure(&mut lines, *attempt, cause, cells);
        }
    }
    lines
}

fn replaced(view: &JobView) -> Option<DetailLine<'_>> {
    Some(match (&view.state, &view.replaces) {
        (State::Skipped(SkipReason::Kept { there }), _) => DetailLine::Replaced("keeps", there),
        (State::Copied, Some(digest)) => DetailLine::Replaced("replaced", digest),
        (
            State::Queued | State::Running | State::Waiting { .. } | State::Staged { .. },
            Some(digest),
        ) => DetailLine::Replaced("replaces", digest),
        _ => return None,
    })
}

/// Index, manifests and blobs as a tree; a blob of several manifests is below each of them.
fn content<'a>(lines: &mut Vec<DetailLine<'a>>, view: &'a JobView) {
    let manifests = &view.manifests;
    // A parent is listed before its children.
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); manifests.len()];
    let mut tops = Vec::new();
    for (at, manifest) in manifests.iter().enumerate() {
        match manifest.parent.map(|parent| parent as usize) {
            Some(parent) if parent < at => children[parent].push(at),
            _ => tops.push(at),
        }
    }
    let mut is_listed = vec![false; view.blobs.len()];
    let mut open: Vec<(usize, usize)> = tops.into_iter().rev().map(|at| (0, at)).collect();
    while let Some((depth, at)) = open.pop() {
        let manifest = &manifests[at];
        lines.push(DetailLine::Manifest(depth, manifest));
        for blob in &manifest.blobs {
            if let Some(view) = view.blobs.get(*blob as usize) {
                is_listed[*blob as usize] = true;
                lines.push(DetailLine::Blob(depth + 1, view));
            }
        }
        open.extend(children[at].iter().rev().map(|child| (depth + 1, *child)));
    }
    // The index of a build cache lists layers directly.
    let others = view
        .blobs
        .iter()
        .zip(is_listed)
        .filter(|(_, listed)| !listed);
    lines.extend(others.map(|(blob, _)| DetailLine::Blob(0, blob)));
}

fn failure(lines: &mut Vec<DetailLine>, attempt: Attempt, cause: &Failure, cells: u16) {
    let text = present::failure(cause);
    add_text(lines, Lead::Failure(attempt), &text, cells);
    for (depth, step) in cause.causes().iter().enumerate() {
        add_text(lines, Lead::Cause(depth), &sanitize(step), cells);
    }
}

/// Adds wrapped text; one cell is free on both sides.
fn add_text(lines: &mut Vec<DetailLine>, lead: Lead, text: &str, cells: u16) {
    let room = usize::from(cells.saturating_sub(lead.cells() + 2));
    let mut pieces = wrap(text, room.max(20)).into_iter();
    lines.extend(pieces.next().map(|piece| DetailLine::Failure(lead, piece)));
    lines.extend(pieces.map(|piece| DetailLine::More(lead, piece)));
}
