//! What the detail pane says about the selected image, line by line.
//!
//! Decides which lines there are, not how they look: scrolling needs their number before they are drawn.

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
    State(&'a JobView),
    /// The other image that the destination tag named, and what becomes of it.
    Other(&'static str, &'a Digest),
    /// What went wrong, as much as a line takes.
    Said(Lead, String),
    /// More of the line above.
    More(Lead, String),
    /// A manifest, and how deep it is.
    Manifest(usize, &'a PlannedManifest),
    /// A blob, below a manifest of this depth.
    Blob(usize, &'a BlobView),
    /// Manifests are not read yet, or never were.
    NoBlobs(&'a JobView),
    EarlierAttempts,
    Gap,
}

/// What stands before a line of what went wrong.
#[derive(Clone, Copy, Debug)]
pub enum Lead {
    /// An attempt failed.
    Failure(Attempt),
    /// A step of a cause chain, and its depth.
    Cause(usize),
    /// What can be done.
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

/// The lines for the selected image; none if no image is selected.
#[must_use]
pub fn lines(model: &Model) -> Vec<DetailLine<'_>> {
    let Some(view) = (model.images.selected()).and_then(|job| model.board.job(job)) else {
        return Vec::new();
    };
    let cells = match model.screen() {
        Screen::Panes(areas) => areas.pane(Pane::Detail).map_or(0, |area| area.width),
        Screen::Line(_) => 0,
    };
    let mut lines = vec![
        DetailLine::Source(view),
        DetailLine::Destination(view),
        DetailLine::State(view),
    ];
    lines.extend(other(view));
    let current = view.cause().is_some();
    let (last, earlier) = match view.failures.split_last() {
        Some((last, earlier)) if current => (Some(last), earlier),
        _ => (None, &view.failures[..]),
    };
    if let Some((attempt, cause)) = last {
        failure(&mut lines, *attempt, cause, cells);
        if view.state == State::Failed || cause.hint().is_some() {
            say(&mut lines, Lead::Advice, &remedy(cause), cells);
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

fn other(view: &JobView) -> Option<DetailLine<'_>> {
    Some(match (&view.state, &view.replaces) {
        (State::Skipped(SkipReason::Kept { there }), _) => DetailLine::Other("keeps", there),
        (State::Copied, Some(digest)) => DetailLine::Other("replaced", digest),
        (State::Queued | State::Running | State::Waiting { .. }, Some(digest)) => {
            DetailLine::Other("replaces", digest)
        }
        _ => return None,
    })
}

/// Index, platforms, manifests and their blobs as a tree; a blob that several manifests name stands below
/// each of them.
fn content<'a>(lines: &mut Vec<DetailLine<'a>>, view: &'a JobView) {
    let manifests = &view.manifests;
    // A parent comes before its children, so one look forward finds them all.
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); manifests.len()];
    let mut tops = Vec::new();
    for (at, manifest) in manifests.iter().enumerate() {
        match manifest.parent.map(|parent| parent as usize) {
            Some(parent) if parent < at => children[parent].push(at),
            _ => tops.push(at),
        }
    }
    let mut named = vec![false; view.blobs.len()];
    let mut open: Vec<(usize, usize)> = tops.into_iter().rev().map(|at| (0, at)).collect();
    while let Some((depth, at)) = open.pop() {
        let manifest = &manifests[at];
        lines.push(DetailLine::Manifest(depth, manifest));
        for blob in &manifest.blobs {
            if let Some(view) = view.blobs.get(*blob as usize) {
                named[*blob as usize] = true;
                lines.push(DetailLine::Blob(depth + 1, view));
            }
        }
        open.extend(children[at].iter().rev().map(|child| (depth + 1, *child)));
    }
    // Build caches name layers in an index.
    let others = view.blobs.iter().zip(named).filter(|(_, named)| !named);
    lines.extend(others.map(|(blob, _)| DetailLine::Blob(0, blob)));
}

fn failure(lines: &mut Vec<DetailLine>, attempt: Attempt, cause: &Failure, cells: u16) {
    let text = present::failure(cause);
    say(lines, Lead::Failure(attempt), &text, cells);
    for (depth, step) in cause.causes().iter().enumerate() {
        say(lines, Lead::Cause(depth), &sanitize(step), cells);
    }
}

/// Text in as many lines as it takes; a free cell stays at both ends.
fn say(lines: &mut Vec<DetailLine>, lead: Lead, text: &str, cells: u16) {
    let room = usize::from(cells.saturating_sub(lead.cells() + 2));
    let mut pieces = wrap(text, room.max(20)).into_iter();
    lines.extend(pieces.next().map(|piece| DetailLine::Said(lead, piece)));
    lines.extend(pieces.map(|piece| DetailLine::More(lead, piece)));
}
