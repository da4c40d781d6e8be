//! Groups failed images by cause.
//!
//! Two images have the same cause if side, store and message are equal, without repositories and digests, which differ
//! from image to image. Invariant: an image has at most one cause.

use std::{collections::BTreeMap, sync::Arc};

use super::{Phase, phase, sanitize};
use crate::{
    batch::{Board, Failure, JobId, JobView, Side},
    oci::{Repository, Store},
};

/// The common part of failures for the same reason.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cause {
    /// The store that failed; none if this machine failed.
    pub store: Option<Store>,
    pub side: Side,
    /// The message, with `…` for what differs from image to image.
    pub message: String,
}

/// The images with the same cause.
#[derive(Clone, Debug)]
pub struct CauseGroup {
    pub cause: Arc<Cause>,
    /// In list order.
    pub jobs: Vec<JobId>,
    /// How many of them wait for an automatic retry.
    pub waiting: usize,
}

impl Cause {
    /// The cause of an image that failed or waits for a retry.
    #[must_use]
    pub fn of(view: &JobView) -> Option<Self> {
        let failure = view.cause()?;
        let store = match failure.side {
            Side::Source => Some(view.job.spec.source.store()),
            Side::Destination => Some(view.job.spec.destination.store()),
            Side::Local => None,
        };
        Some(Self {
            store,
            side: failure.side,
            message: message(view, failure),
        })
    }

    /// The store that failed, or this machine.
    #[must_use]
    pub fn origin(&self) -> String {
        let store = self.store.as_ref();
        store.map_or_else(|| "this machine".into(), Store::to_string)
    }
}

/// The summary without repositories and digests.
fn message(view: &JobView, failure: &Failure) -> String {
    let mut text = sanitize(&failure.summary).into_owned();
    for location in [&view.job.spec.source, &view.job.spec.destination] {
        let name = location.name_in_store();
        let repository = location.repository().map_or(&*name, Repository::as_str);
        // One or two letters also occur in other words.
        if repository.len() > 2 {
            text = text.replace(repository, "…");
        }
    }
    let mut message = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("sha256:") {
        let (before, digest) = rest.split_at(at + "sha256:".len());
        let hex = digest
            .find(|c: char| !c.is_ascii_hexdigit())
            .unwrap_or(digest.len());
        message.push_str(before);
        if hex > 0 {
            message.push('…');
        }
        rest = &digest[hex..];
    }
    message + rest
}

/// The causes of `jobs`, the most frequent first.
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
