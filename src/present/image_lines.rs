//! Log lines about the end of an image or of its preflight.

use std::time::Duration;

use super::{bytes, precise_duration};
use crate::batch::{BlobState, JobView, Settled, SkipReason};

/// The bytes of a copied image that were sent, those that were already there, and the time of the attempt.
pub(super) fn copied(job: Option<&JobView>, took: Option<Duration>) -> String {
    match took {
        Some(took) => format!("{} in {}", sent(job), precise_duration(took)),
        None => sent(job),
    }
}

fn sent(job: Option<&JobView>) -> String {
    let Some(job) = job.filter(|job| !job.blobs.is_empty()) else {
        return "copied".into();
    };
    let (mut sent, mut present) = (0, 0);
    for blob in &job.blobs {
        match blob.state {
            BlobState::Settled(Settled::Copied) => sent += blob.size,
            BlobState::Settled(Settled::Mounted { .. } | Settled::Present) => present += blob.size,
            BlobState::Pending | BlobState::WaitingFor(_) | BlobState::Copying { .. } => {}
        }
    }
    match present {
        0 => format!("copied, {}", bytes(sent)),
        _ => format!(
            "copied, {} sent, {} already there",
            bytes(sent),
            bytes(present)
        ),
    }
}

/// What a staged image waits for.
pub(super) fn staged(job: Option<&JobView>) -> String {
    let group = job.and_then(|job| job.job.spec.group.as_ref());
    match group {
        Some(group) => format!("staged: its tag is written with those of group {group}"),
        None => "staged".into(),
    }
}

/// Why an image was skipped.
pub(super) fn skipped(why: &SkipReason) -> String {
    match why {
        SkipReason::User => "skipped".into(),
        SkipReason::Kept { there } => format!("kept: the destination has {there}"),
    }
}

/// `text`, and the digest that the destination tag named before.
pub(super) fn replacing(text: String, verb: &str, job: Option<&JobView>) -> String {
    match job.and_then(|job| job.replaces.as_ref()) {
        Some(digest) => format!("{text}; {verb} {digest}"),
        None => text,
    }
}

/// The bytes that copying an image takes, regardless of other images.
pub(super) fn planned(job: Option<&JobView>) -> String {
    let (mut missing, mut there) = (0, 0);
    for blob in job.into_iter().flat_map(|job| &job.blobs) {
        match blob.state {
            BlobState::Settled(_) => there += blob.size,
            BlobState::Pending | BlobState::WaitingFor(_) | BlobState::Copying { .. } => {
                missing += blob.size;
            }
        }
    }
    match there {
        0 => format!("planned, {}", bytes(missing)),
        _ => format!(
            "planned, {} missing, {} already there",
            bytes(missing),
            bytes(there)
        ),
    }
}
