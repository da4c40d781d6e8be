//! Text of a plan: images by outcome, bytes per registry, overwritten tags, the largest layers.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{bytes, copier, count};
use crate::{
    batch::{Amounts, Board, LargeLayer, Plan},
    oci::{Digest, GroupName, Location},
};

/// Registries, tags and layers that are listed; the rest is counted.
const MAX_NAMED: usize = 10;

/// The images by outcome, without empty ones: `18 to copy (3 replace a tag), 2 already there, 1 failed`.
#[must_use]
pub fn fates(board: &Board, plan: &Plan) -> String {
    let counts = board.counts();
    let to_copy = match plan.replacing().len() {
        0 => "to copy".into(),
        1 => "to copy (1 replaces a tag)".into(),
        replacing => format!("to copy ({replacing} replace a tag)"),
    };
    let parts: Vec<String> = [
        (board.planned(), &*to_copy),
        (counts.up_to_date + counts.copied, "already there"),
        (counts.staged, "staged"),
        (counts.failed, "failed"),
        (counts.skipped, "skipped"),
        (counts.kept, "kept"),
        (board.without_preflight(), "not planned yet"),
    ]
    .into_iter()
    .filter(|(amount, _)| *amount > 0)
    .map(|(amount, word)| format!("{amount} {word}"))
    .collect();
    match parts.is_empty() {
        true => "no images".into(),
        false => parts.join(", "),
    }
}

/// `1.2 GiB to copy, 4.0 GiB to mount, 12.0 MiB already there`; zero amounts are omitted.
#[must_use]
pub fn amounts(amounts: Amounts) -> String {
    let mut parts = vec![format!("{} to copy", bytes(amounts.copy))];
    for (amount, word) in [
        (amounts.mount, "to mount"),
        (amounts.present, "already there"),
    ] {
        if amount > 0 {
            parts.push(format!("{} {word}", bytes(amount)));
        }
    }
    parts.join(", ")
}

/// The destination tags that a plan overwrites, with their present digests.
pub fn replaced<'a>(
    board: &'a Board,
    plan: &'a Plan,
) -> impl Iterator<Item = (&'a Location, &'a Digest)> {
    plan.replacing()
        .filter_map(|(job, digest)| Some((&board.job(job)?.job.spec.destination, digest)))
}

/// The number of images with a layer, and a repository that has it: `34 images, team/api`.
#[must_use]
pub fn large_layer(layer: &LargeLayer) -> String {
    let images = count(layer.images, "image");
    match &layer.repository {
        Some(repository) => format!("{images}, {repository}"),
        None => images,
    }
}

/// The plan of a review: several lines, each ended by a newline.
#[must_use]
pub fn plan(board: &Board) -> String {
    let plan = Plan::of(board);
    let mut text = format!("plan: {}\n", fates(board, &plan));
    let mut registries: Vec<_> = plan.registries().collect();
    registries.sort_by_key(|(_, amounts)| std::cmp::Reverse(amounts.copy));
    for (registry, own) in registries.iter().take(MAX_NAMED) {
        let _ = writeln!(text, "  to {registry}: {}", amounts(*own));
    }
    if let Some(more) = registries.len().checked_sub(MAX_NAMED + 1) {
        let _ = writeln!(text, "  and to {} more", more + 1);
    }
    for (copier, images) in copiers(board).iter().take(MAX_NAMED) {
        let _ = writeln!(text, "  {} by {copier}", count(*images, "image"));
    }
    let groups = groups(board);
    for (group, images) in groups.iter().take(MAX_NAMED) {
        let images = count(*images, "image");
        let _ = writeln!(
            text,
            "  group {group}: the tags of {images} are written together"
        );
    }
    if let Some(more) = groups.len().checked_sub(MAX_NAMED + 1) {
        let _ = writeln!(text, "  and {} more groups", more + 1);
    }
    for (reference, digest) in replaced(board, &plan).take(MAX_NAMED) {
        let _ = writeln!(text, "  {reference} replaces {digest}");
    }
    if let Some(more) = plan.replacing().len().checked_sub(MAX_NAMED + 1) {
        let _ = writeln!(text, "  and {} more tags are overwritten", more + 1);
    }
    for layer in plan.largest(MAX_NAMED) {
        let _ = writeln!(
            text,
            "  layer  {:>10}  {}  {}",
            bytes(layer.size),
            layer.digest.short(),
            large_layer(&layer)
        );
    }
    text
}

/// The groups of the batch, and how many images each has.
fn groups(board: &Board) -> BTreeMap<&GroupName, usize> {
    let mut groups = BTreeMap::new();
    for name in (board.jobs().iter()).filter_map(|view| view.job.spec.group.as_ref()) {
        *groups.entry(name).or_default() += 1;
    }
    groups
}

/// The further programs that copy planned images, and how many each.
fn copiers(board: &Board) -> BTreeMap<String, usize> {
    let mut copiers = BTreeMap::new();
    let planned = board.jobs().iter().filter(|view| view.is_planned());
    for view in planned.filter(|view| !view.job.spec.engine.is_native()) {
        *copiers.entry(copier(view).into_owned()).or_default() += 1;
    }
    copiers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        batch::{Attempt, BlobKind, Event, Job, JobId, Outcome, PlannedBlob, QueueReason, Settled},
        oci::{CopyEngine, CopySpec, Digest},
    };

    /// Three images: one to copy with a layer that is there, one already there, one not planned.
    fn reviewed() -> Board {
        let mut board = Board::default();
        for id in 0..3 {
            board.apply(&Event::JobListed {
                job: Box::new(Job {
                    id: JobId(id),
                    spec: CopySpec::new(
                        format!("a.example/app:{id}").parse().unwrap(),
                        format!("b.example/app:{id}").parse().unwrap(),
                    ),
                }),
            });
        }
        let blob = |name: &str, size, kind| PlannedBlob {
            digest: Digest::of(name.as_bytes()),
            size,
            kind,
            media_type: None,
        };
        let (job, attempt) = (JobId(0), Attempt(1));
        for event in [
            Event::ReviewStarted,
            Event::JobFinished {
                job: JobId(1),
                outcome: Outcome::UpToDate {
                    root: Digest::of(b"root"),
                },
            },
            Event::JobStarted { job, attempt },
            Event::JobPlanned {
                job,
                root: Digest::of(b"root"),
                manifests: Vec::new(),
                blobs: vec![
                    blob("config", 2048, BlobKind::Config),
                    blob("base", 5 << 20, BlobKind::Layer),
                    blob("own", 3 << 20, BlobKind::Layer),
                ],
                replaces: Some(Digest::of(b"before")),
            },
            Event::BlobSettled {
                job,
                digest: Digest::of(b"base"),
                bytes: 5 << 20,
                how: Settled::Present,
            },
            Event::JobQueued {
                job,
                why: QueueReason::Planned,
            },
        ] {
            board.apply(&event);
        }
        board
    }

    #[test]
    fn a_plan_says_what_other_programs_copy() {
        let mut board = Board::default();
        board.apply(&Event::ReviewStarted);
        for id in (0..3).map(JobId) {
            let (from, to) = (
                format!("a.example/app:{}", id.0),
                format!("b.example/app:{}", id.0),
            );
            let mut spec = CopySpec::new(from.parse().unwrap(), to.parse().unwrap());
            spec.engine = CopyEngine::Skopeo;
            board.apply(&Event::JobListed {
                job: Box::new(Job { id, spec }),
            });
        }
        for job in [JobId(0), JobId(1)] {
            let (attempt, why) = (Attempt(1), QueueReason::Planned);
            let method = "skopeo 1.9.3 (/usr/bin/\u{1b}skopeo)".into();
            board.apply(&Event::JobStarted { job, attempt });
            board.apply(&Event::MethodSelected { job, method });
            board.apply(&Event::JobQueued { job, why });
        }
        assert_eq!(
            plan(&board),
            "plan: 2 to copy, 1 not planned yet\n  2 images by skopeo 1.9.3 (/usr/bin/\u{fffd}skopeo)\n"
        );
    }

    #[test]
    fn a_plan_has_the_outcomes_of_images_and_the_bytes_to_move() {
        let own = Digest::of(b"own").short();
        let before = Digest::of(b"before");
        assert_eq!(
            plan(&reviewed()),
            format!(
                "plan: 1 to copy (1 replaces a tag), 1 already there, 1 not planned yet\n  \
                 to b.example: 3.0 MiB to copy, 5.0 MiB already there\n  \
                 b.example/app:0 replaces {before}\n  \
                 layer     3.0 MiB  {own}  1 image, app\n"
            )
        );
    }
}
