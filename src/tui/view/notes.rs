//! The note of a row: why the image waits or failed, or what its copy saved or replaced.

use std::time::Duration;

use crate::{
    batch::{BlobState, JobView, RegistryStatus, Settled, SkipReason, State},
    oci::{Digest, Location},
    present::{Phase, bytes, copier, countdown, duration, failure, phase, retry, unfinished_owner},
    tui::{model::Model, theme::Role},
};

/// A running image without progress for this long is stalled.
const STALLED_AFTER: Duration = Duration::from_secs(30);

/// The note of an image; none when all is as expected.
pub fn note(model: &Model, view: &JobView) -> Option<(Role, String)> {
    match phase(view) {
        Phase::Failed => Some((Role::Bad, failure(view.cause()?))),
        Phase::Waiting => {
            let due = model.clocks.retry_due.get(&view.job.id).copied();
            let wait = due.unwrap_or_default().saturating_sub(model.now);
            let text = retry(view.cause()?, wait, view.attempt, model.options.attempts);
            Some((Role::Warning, text))
        }
        Phase::Reading | Phase::Copying => blocked(model, view),
        Phase::Staged => staged(model, view),
        Phase::Copied | Phase::Planned => outcome(phase(view), view),
        Phase::Kept => {
            kept_digest(view).map(|there| (Role::Dim, format!("destination has {}", there.short())))
        }
        Phase::Queued | Phase::UpToDate | Phase::Skipped => None,
    }
}

/// What copies the image, if that is not this program.
pub fn by_engine(view: &JobView) -> Option<(Role, String)> {
    (!view.job.spec.engine.is_native()).then(|| (Role::Dim, format!("by {}", copier(view))))
}

fn blocked(model: &Model, view: &JobView) -> Option<(Role, String)> {
    if let Some(owner) = unfinished_owner(view).and_then(|job| model.board.job(job)) {
        let text = format!("waiting for {}", short_name(&owner.job.spec.source));
        return Some((Role::Dim, text));
    }
    for (side, location) in [
        ("source", &view.job.spec.source),
        ("destination", &view.job.spec.destination),
    ] {
        let throttled = |status: &RegistryStatus| Some((status.throttled_ms?, status.unreachable));
        let status = model.board.registries.get(&location.store());
        if let Some((wait, unreachable)) = status.and_then(throttled) {
            let why = match unreachable {
                true => "unreachable",
                false => "rate limited",
            };
            let text = format!("{side} {why}; retrying {}", countdown(wait.into()));
            return Some((Role::Warning, text));
        }
    }
    let (moved, _) = model.clocks.moved.get(&view.job.id)?;
    let still = model.now.saturating_sub(*moved);
    (still >= STALLED_AFTER).then(|| (Role::Warning, format!("stalled {}", duration(still))))
}

/// The name in its store, with a short digest.
fn short_name(location: &Location) -> String {
    let Some(reference) = location.reference() else {
        return location.name_in_store();
    };
    let version = match (&reference.tag, &reference.digest) {
        (Some(tag), _) => format!(":{tag}"),
        (None, Some(digest)) => format!("@{}", digest.short()),
        (None, None) => String::new(),
    };
    format!("{}{version}", reference.repository)
}

/// The digest it replaces at the destination, and the bytes that need no transfer.
fn outcome(phase: Phase, view: &JobView) -> Option<(Role, String)> {
    let saved = saved(view);
    let Some(digest) = &view.replaces else {
        return saved.map(|text| (Role::Dim, text));
    };
    let verb = match phase {
        Phase::Copied => "replaced",
        _ => "replaces",
    };
    let mut text = format!("{verb} {}", digest.short());
    if let Some(saved) = saved {
        text += &format!(", {saved}");
    }
    Some((Role::Text, text))
}

/// Whom a staged image waits for.
fn staged(model: &Model, view: &JobView) -> Option<(Role, String)> {
    let name = view.job.spec.group.as_ref()?;
    let group = model.board.group(name)?;
    Some(match (group.failed.len(), group.open) {
        (0, 0) => (Role::Dim, format!("group {name} is complete")),
        (0, open) => (Role::Dim, format!("waits for {open} more of group {name}")),
        (failed, _) => (
            Role::Warning,
            format!("waits for {failed} failed of group {name}"),
        ),
    })
}

/// The digest at the destination, for which the image is skipped.
fn kept_digest(view: &JobView) -> Option<&Digest> {
    match &view.state {
        State::Skipped(SkipReason::Kept { there }) => Some(there),
        _ => None,
    }
}

/// The bytes of an image that need no transfer.
fn saved(view: &JobView) -> Option<String> {
    let (mut mounted, mut present) = (0, 0);
    for blob in &view.blobs {
        match blob.state {
            BlobState::Settled(Settled::Mounted { .. }) => mounted += blob.size,
            BlobState::Settled(Settled::Present) => present += blob.size,
            _ => {}
        }
    }
    match (mounted, present) {
        (0, 0) => None,
        (mounted, 0) => Some(format!("{} mounted", bytes(mounted))),
        (0, present) => Some(format!("{} present", bytes(present))),
        (mounted, present) => Some(format!(
            "{} mounted, {} present",
            bytes(mounted),
            bytes(present)
        )),
    }
}
