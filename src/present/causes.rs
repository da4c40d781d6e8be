//! Failures by cause: which images failed for the same reason.
//!
//! Decides what counts as the same: side, registry and what was said, without the names and digests that
//! differ from image to image. Invariant: an image stands at one cause.

use std::{collections::BTreeMap, sync::Arc};

use super::{Phase, phase, sanitize};
use crate::{
    batch::{Board, Failure, JobId, JobView, Side},
    oci::Registry,
};

/// What images that failed for the same reason have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cause {
    /// The registry to blame; none when it is this machine.
    pub registry: Option<Registry>,
    pub side: Side,
    /// What was said, with `…` for what differs from image to image.
    pub said: String,
}

/// Images that stand at the same cause.
#[derive(Clone, Debug)]
pub struct CauseGroup {
    pub cause: Arc<Cause>,
    /// In list order.
    pub jobs: Vec<JobId>,
    /// How many of them are tried again by themselves.
    pub waiting: usize,
}

impl Cause {
    /// The cause `view` stands at, if it failed or waits to be tried again.
    #[must_use]
    pub fn of(view: &JobView) -> Option<Self> {
        let failure = view.cause()?;
        let registry = match failure.side {
            Side::Source => Some(&view.job.source.registry),
            Side::Destination => Some(&view.job.destination.registry),
            Side::Local => None,
        };
        Some(Self {
            registry: registry.cloned(),
            side: failure.side,
            said: said(view, failure),
        })
    }

    /// Who is to blame, by name.
    #[must_use]
    pub fn blamed(&self) -> &str {
        self.registry
            .as_ref()
            .map_or("this machine", Registry::as_str)
    }
}

/// The summary without what differs from image to image: its repositories, and digests.
fn said(view: &JobView, failure: &Failure) -> String {
    let mut text = sanitize(&failure.summary).into_owned();
    for reference in [&view.job.source, &view.job.destination] {
        let repository = reference.repository.as_str();
        // A repository of one or two letters stands in half of all words.
        if repository.len() > 2 {
            text = text.replace(repository, "…");
        }
    }
    let mut kept = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("sha256:") {
        let (before, digest) = rest.split_at(at + "sha256:".len());
        let hex = digest
            .find(|c: char| !c.is_ascii_hexdigit())
            .unwrap_or(digest.len());
        kept.push_str(before);
        if hex > 0 {
            kept.push('…');
        }
        rest = &digest[hex..];
    }
    kept + rest
}

/// The causes that `jobs` stand at, the most frequent first.
pub fn causes(board: &Board, jobs: impl IntoIterator<Item = JobId>) -> Vec<CauseGroup> {
    let mut found: BTreeMap<Cause, (Vec<JobId>, usize)> = BTreeMap::new();
    for view in jobs.into_iter().filter_map(|job| board.job(job)) {
        if let Some(cause) = Cause::of(view) {
            let (jobs, waiting) = found.entry(cause).or_default();
            jobs.push(view.job.id);
            *waiting += usize::from(phase(view) == Phase::Waiting);
        }
    }
    let mut groups: Vec<CauseGroup> = found
        .into_iter()
        .map(|(cause, (mut jobs, waiting))| {
            jobs.sort_unstable();
            CauseGroup {
                cause: Arc::new(cause),
                jobs,
                waiting,
            }
        })
        .collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.jobs.len()));
    groups
}
