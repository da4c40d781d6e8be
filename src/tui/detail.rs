//! What the detail pane says about the selected image, line by line.
//!
//! Decides which lines there are, not how they look: scrolling needs their number before they are drawn.

use super::model::Model;
use crate::batch::{Attempt, BlobView, Failure, JobView, State};

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
    Blob(&'a BlobView),
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
        false => lines.extend(view.blobs.iter().map(DetailLine::Blob)),
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

fn failure<'a>(lines: &mut Vec<DetailLine<'a>>, attempt: Attempt, cause: &'a Failure) {
    lines.push(DetailLine::Failure(attempt, cause));
    let chain = cause.chain.iter().enumerate();
    lines.extend(chain.map(|(depth, step)| DetailLine::Cause(depth, step)));
}
