//! The plan of a batch as data: what `transship plan --json` prints, and what its other formats are made from.
//!
//! Decides what counts for what, not how it reads. Invariant: every image of the list is in it once, with one outcome;
//! the sums are over these images.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use crate::{
    batch::{Amounts, BatchId, Board, Budget, JobView, Plan, RegistryStatus, SkipReason, State},
    oci::{Digest, Location, Store},
};

use super::{copier, remedy, sanitize};

/// Largest layers that are named.
const LARGEST: usize = 10;

/// The plan of a list. Bytes unless the name says something else.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlanReport {
    /// The version of this schema.
    pub version: u32,
    pub list: String,
    pub totals: PlanTotals,
    /// By destination; the one with most to copy first.
    pub destinations: Vec<DestinationPlan>,
    pub time: Option<TimeEstimate>,
    pub pull_limits: Vec<PullLimit>,
    pub largest_layers: Vec<PlannedLayer>,
    /// What the list prunes after the copies; absent if it prunes nothing.
    pub prune: Option<PlannedPruning>,
    /// In the order of the list.
    pub images: Vec<PlannedImage>,
}

/// Numbers of images, and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PlanTotals {
    pub images: usize,
    pub to_copy: usize,
    /// Those to copy whose tag names another image now.
    pub replacing: usize,
    pub up_to_date: usize,
    pub kept: usize,
    pub failed: usize,
    /// Not looked at: the plan was interrupted.
    pub unplanned: usize,
    pub bytes_to_copy: u64,
    pub bytes_to_mount: u64,
    pub bytes_present: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DestinationPlan {
    pub destination: Store,
    pub bytes_to_copy: u64,
    pub bytes_to_mount: u64,
    pub bytes_present: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TimeEstimate {
    pub bytes_per_second: u64,
    /// The batch in which the speed was measured; absent if the operator gave it.
    pub batch: Option<BatchId>,
    pub seconds: u64,
}

/// Tags at the destination that no image of the list has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedPruning {
    pub tags: Vec<Location>,
    /// How many tags their repositories have now.
    pub present: usize,
    /// Whether these are more than `prune-limit` allows without `--yes`.
    pub beyond_limit: bool,
}

/// How fast bytes are expected to move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanSpeed {
    pub bytes_per_second: u64,
    /// The batch in which it was measured; absent if the operator gave it.
    pub batch: Option<BatchId>,
}

/// What copying takes of a registry's quota of pulls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PullLimit {
    pub registry: Store,
    /// Manifests that the copies read: each counts as a pull.
    pub needed: u64,
    /// Absent if the registry did not say.
    pub remaining: Option<u64>,
    pub limit: Option<u64>,
    /// The time in which `limit` pulls are allowed.
    pub window_seconds: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedLayer {
    pub destination: Store,
    pub digest: Digest,
    pub bytes: u64,
    /// How many images of the plan need it.
    pub images: usize,
    /// One of the repositories that will have it.
    pub repository: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedImage {
    pub source: Location,
    pub destination: Location,
    #[serde(flatten)]
    pub outcome: PlannedOutcome,
}

/// What would happen to an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum PlannedOutcome {
    Copy {
        /// What the destination will name; absent if another program copies it.
        digest: Option<Digest>,
        /// What the destination tag names now, if that is another image.
        replaces: Option<Digest>,
        /// All blobs of the image.
        bytes: u64,
        /// The program that copies it, if it is not this one.
        #[serde(skip_serializing_if = "Option::is_none")]
        copier: Option<String>,
    },
    UpToDate {
        digest: Option<Digest>,
    },
    /// The destination tag names another image, which the list says to keep.
    Kept {
        there: Digest,
    },
    Failed {
        side: String,
        error: String,
        remedy: String,
    },
    /// It was not looked at.
    Unplanned,
}

impl PlanReport {
    /// The plan of `board` after a review. `registries` say what is left of their quotas.
    #[must_use]
    pub fn of(
        list: &str,
        board: &Board,
        registries: &[RegistryStatus],
        speed: Option<PlanSpeed>,
    ) -> Self {
        let plan = Plan::of(board);
        let images: Vec<_> = board.jobs().iter().map(PlannedImage::of).collect();
        let amounts = plan.amounts();
        let mut destinations: Vec<_> = plan.registries().map(DestinationPlan::of).collect();
        destinations.sort_by_key(|own| std::cmp::Reverse(own.bytes_to_copy));
        Self {
            version: 1,
            list: sanitize(list).into_owned(),
            totals: PlanTotals::of(&images, amounts),
            destinations,
            time: speed.and_then(|speed| TimeEstimate::of(amounts.copy, &speed)),
            pull_limits: pull_limits(board, registries),
            largest_layers: (plan.largest(LARGEST).into_iter())
                .map(|layer| PlannedLayer {
                    destination: layer.registry,
                    digest: layer.digest,
                    bytes: layer.size,
                    images: layer.images,
                    repository: layer.repository.map(|name| name.to_string()),
                })
                .collect(),
            prune: None,
            images,
        }
    }
}

impl PlanTotals {
    fn of(images: &[PlannedImage], amounts: Amounts) -> Self {
        let mut totals = Self {
            images: images.len(),
            bytes_to_copy: amounts.copy,
            bytes_to_mount: amounts.mount,
            bytes_present: amounts.present,
            ..Self::default()
        };
        for image in images {
            match &image.outcome {
                PlannedOutcome::Copy { replaces, .. } => {
                    totals.to_copy += 1;
                    totals.replacing += usize::from(replaces.is_some());
                }
                PlannedOutcome::UpToDate { .. } => totals.up_to_date += 1,
                PlannedOutcome::Kept { .. } => totals.kept += 1,
                PlannedOutcome::Failed { .. } => totals.failed += 1,
                PlannedOutcome::Unplanned => totals.unplanned += 1,
            }
        }
        totals
    }
}

impl DestinationPlan {
    fn of((destination, amounts): (&Store, Amounts)) -> Self {
        Self {
            destination: destination.clone(),
            bytes_to_copy: amounts.copy,
            bytes_to_mount: amounts.mount,
            bytes_present: amounts.present,
        }
    }
}

impl TimeEstimate {
    fn of(bytes: u64, speed: &PlanSpeed) -> Option<Self> {
        let bytes_per_second = Some(speed.bytes_per_second).filter(|speed| *speed > 0)?;
        Some(Self {
            bytes_per_second,
            batch: speed.batch.clone(),
            seconds: bytes.div_ceil(bytes_per_second),
        })
    }
}

impl PullLimit {
    /// How long the copies have to wait for pulls that are not left, if the quota refills evenly.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        let lacking = self.needed.checked_sub(self.remaining?)?;
        let window = Duration::from_secs(self.window_seconds?);
        let limit = self.limit.filter(|limit| *limit > 0)?;
        let seconds = window.as_secs_f64() / limit as f64 * lacking as f64;
        Duration::try_from_secs_f64(seconds)
            .ok()
            .filter(|wait| !wait.is_zero())
    }
}

impl PlannedImage {
    fn of(view: &JobView) -> Self {
        Self {
            source: view.job.spec.source.clone(),
            destination: view.job.spec.destination.clone(),
            outcome: PlannedOutcome::of(view),
        }
    }
}

impl PlannedOutcome {
    fn of(view: &JobView) -> Self {
        match &view.state {
            State::Queued if view.is_planned() => Self::Copy {
                digest: view.root.clone(),
                replaces: view.replaces.clone(),
                bytes: view.bytes_total,
                copier: (!view.job.spec.engine.is_native()).then(|| copier(view).into_owned()),
            },
            // A preflight stages nothing.
            State::Queued
            | State::Running
            | State::Waiting { .. }
            | State::Staged { .. }
            | State::Skipped(SkipReason::User) => Self::Unplanned,
            State::Copied | State::UpToDate => Self::UpToDate {
                digest: view.root.clone(),
            },
            State::Skipped(SkipReason::Kept { there }) => Self::Kept {
                there: there.clone(),
            },
            State::Failed => match view.cause() {
                Some(cause) => Self::Failed {
                    side: cause.side.to_string(),
                    error: sanitize(&cause.summary).into_owned(),
                    remedy: remedy(cause).into_owned(),
                },
                None => Self::Unplanned,
            },
        }
    }
}

/// The sources that count pulls: Docker Hub, and every registry that said what is left.
fn pull_limits(board: &Board, registries: &[RegistryStatus]) -> Vec<PullLimit> {
    let budgets: BTreeMap<&Store, Budget> = registries
        .iter()
        .filter_map(|status| Some((&status.registry, status.budget?)))
        .collect();
    let mut needed: BTreeMap<Store, u64> = BTreeMap::new();
    for view in board.jobs().iter().filter(|view| view.is_planned()) {
        let store = view.job.spec.source.store();
        let is_limited = budgets.contains_key(&store)
            || store
                .registry()
                .is_some_and(|registry| registry.is_docker_hub());
        if is_limited {
            // Another program reads at least the manifest that the reference names.
            *needed.entry(store).or_default() += view.manifests.len().max(1) as u64;
        }
    }
    let limit = |(registry, needed): (Store, u64)| {
        let budget = budgets.get(&registry);
        let window = budget.and_then(|budget| budget.window_ms);
        PullLimit {
            needed,
            remaining: budget.map(|budget| budget.remaining),
            limit: budget.map(|budget| budget.limit),
            window_seconds: window.map(|window| Duration::from(window).as_secs()),
            registry,
        }
    };
    needed.into_iter().map(limit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        batch::{
            Attempt, Event, Failure, FailureClass, Job, JobId, Millis, Outcome, PlannedManifest,
            QueueReason, Side, UploadMode,
        },
        oci::{CopySpec, MediaType},
    };

    fn board(count: u32) -> Board {
        let mut board = Board::default();
        for id in 0..count {
            let source = format!("docker.io/library/app:{id}").parse().unwrap();
            let destination = format!("b.example/app:{id}").parse().unwrap();
            let spec = CopySpec::new(source, destination);
            board.apply(&Event::JobListed {
                job: Box::new(Job {
                    id: JobId(id),
                    spec,
                }),
            });
        }
        board.apply(&Event::ReviewStarted);
        board
    }

    fn planned(board: &mut Board, job: JobId, manifests: usize) {
        let manifest = PlannedManifest {
            digest: Digest::of(b"manifest"),
            media_type: MediaType::new(MediaType::OCI_MANIFEST),
            size: 100,
            platform: None,
            parent: None,
            blobs: Vec::new(),
        };
        let attempt = Attempt(1);
        board.apply(&Event::JobStarted { job, attempt });
        board.apply(&Event::JobPlanned {
            job,
            root: Digest::of(b"root"),
            manifests: vec![manifest; manifests],
            blobs: Vec::new(),
            replaces: Some(Digest::of(b"before")),
        });
        let why = QueueReason::Planned;
        board.apply(&Event::JobQueued { job, why });
    }

    /// Docker Hub with this many of 100 pulls in 6 h.
    fn docker_hub(remaining: u64) -> RegistryStatus {
        let window_ms = Some(Millis(6 * 3600 * 1000));
        RegistryStatus {
            registry: "docker.io".parse().unwrap(),
            budget: Some(Budget {
                limit: 100,
                remaining,
                window_ms,
            }),
            streams: 0,
            stream_limit: 1,
            stream_ceiling: 1,
            requests: 0,
            request_rate: 0,
            request_limit: None,
            bytes: 0,
            byte_limit: None,
            answer_p50_ms: None,
            answer_p95_ms: None,
            throttled_ms: None,
            unreachable: false,
            rationed: None,
            upload_mode: UploadMode::Whole,
        }
    }

    #[test]
    fn every_image_has_one_outcome_and_the_totals_count_them() {
        let mut board = board(5);
        planned(&mut board, JobId(0), 1);
        let cause = Failure {
            side: Side::Source,
            class: FailureClass::NotFound,
            summary: "has no such image".into(),
            chain: Vec::new(),
        };
        let (root, there) = (Digest::of(b"root"), Digest::of(b"there"));
        let why = SkipReason::Kept { there };
        for (job, outcome) in [
            (JobId(1), Outcome::UpToDate { root }),
            (JobId(2), Outcome::Skipped { why }),
            (JobId(3), Outcome::Failed { cause }),
        ] {
            board.apply(&Event::JobFinished { job, outcome });
        }
        let report = PlanReport::of("a.toml", &board, &[], None);
        let expected = PlanTotals {
            images: 5,
            to_copy: 1,
            replacing: 1,
            up_to_date: 1,
            kept: 1,
            failed: 1,
            unplanned: 1,
            ..PlanTotals::default()
        };
        assert_eq!(report.totals, expected);
        let failed = serde_json::to_value(&report.images[3]).unwrap();
        assert_eq!(failed["outcome"], "failed");
        assert_eq!(failed["error"], "has no such image");
    }

    #[test]
    fn each_manifest_from_docker_hub_is_a_pull_and_what_is_not_left_has_to_be_waited_for() {
        let mut board = board(2);
        planned(&mut board, JobId(0), 4);
        planned(&mut board, JobId(1), 8);
        let unknown = PlanReport::of("a.toml", &board, &[], None);
        assert_eq!(unknown.pull_limits[0].needed, 12);
        assert_eq!(unknown.pull_limits[0].remaining, None);
        assert_eq!(unknown.pull_limits[0].wait(), None);
        let wait = |remaining| {
            let report = PlanReport::of("a.toml", &board, &[docker_hub(remaining)], None);
            report.pull_limits[0].wait()
        };
        assert_eq!(wait(12), None);
        // A hundredth of 6 h each.
        assert_eq!(wait(2), Some(Duration::from_secs(2160)));
    }

    #[test]
    fn the_time_is_the_bytes_at_the_speed() {
        let speed = |bytes_per_second| PlanSpeed {
            bytes_per_second,
            batch: None,
        };
        assert_eq!(TimeEstimate::of(10, &speed(0)), None);
        let time = |bytes| TimeEstimate::of(bytes, &speed(1000)).map(|time| time.seconds);
        assert_eq!([0, 1, 1000, 1001].map(time), [0, 1, 1, 2].map(Some));
    }
}
