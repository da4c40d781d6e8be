//! What the detail pane says about the selected image, line by line.
//!
//! Decides which lines there are, not how they look: scrolling needs their number before they are drawn.

use super::model::Model;
use crate::batch::{Attempt, BlobView, Failure, JobView, PlannedManifest, State};

#[derive(Clone, Copy, Debug)]
pub enum DetailLine<'a> {
    Source(&'a JobView),
    Destination(&'a JobView),
    State(&'a JobView),
    /// The failure of an attempt, and what can be done about it if it is the last word.
    Failure(Attempt, &'a Failure),
    /// One step of a cause chain, and its depth.
    Cause(usize, &'a str),
    Advice(&'a Failure),
    /// A manifest, and how deep it is.
    Manifest(usize, &'a PlannedManifest),
    /// A blob, below a manifest of this depth.
    Blob(usize, &'a BlobView),
    /// Manifests are not read yet, or never were.
    NoBlobs(&'a JobView),
    EarlierAttempts,
    Gap,
}

/// The lines for the selected image; none if no image is selected.
#[must_use]
pub fn lines(model: &Model) -> Vec<DetailLine<'_>> {
    let Some(view) = (model.images.selected()).and_then(|job| model.board.job(job)) else {
        return Vec::new();
    };
    let mut lines = vec![
        DetailLine::Source(view),
        DetailLine::Destination(view),
        DetailLine::State(view),
    ];
    let current = view.cause().is_some();
    let (last, earlier) = match view.failures.split_last() {
        Some((last, earlier)) if current => (Some(last), earlier),
        _ => (None, &view.failures[..]),
    };
    if let Some((attempt, cause)) = last {
        failure(&mut lines, *attempt, cause);
        if view.state == State::Failed {
            lines.push(DetailLine::Advice(cause));
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
            failure(&mut lines, *attempt, cause);
        }
    }
    lines
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

fn failure<'a>(lines: &mut Vec<DetailLine<'a>>, attempt: Attempt, cause: &'a Failure) {
    lines.push(DetailLine::Failure(attempt, cause));
    let chain = cause.chain.iter().enumerate();
    lines.extend(chain.map(|(depth, step)| DetailLine::Cause(depth, step)));
}
