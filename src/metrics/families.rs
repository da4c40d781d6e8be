//! The families that the events of a batch change, each registered once.
//!
//! Decides their names, help texts and buckets; `batch_metrics` decides what an event changes. Invariant: cloned families
//! share their values.

use std::sync::atomic::AtomicU64;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Metric, Registry},
};

use super::labels::{
    BatchLabel, BytesLabels, CLASSES, FailureLabels, NoLabels, OutcomeLabel, SIDES, StateLabel,
    VersionLabel,
};
use crate::batch::Board;

/// 100 ms to an hour.
const IMAGE_SECONDS: [f64; 14] = [
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0,
];
const BLOB_SECONDS: [f64; 13] = [
    0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0,
];
const KIB: f64 = 1024.0;
/// Powers of 4 from 1 KiB to 16 GiB.
const BLOB_BYTES: [f64; 13] = [
    KIB,
    4.0 * KIB,
    16.0 * KIB,
    64.0 * KIB,
    256.0 * KIB,
    1024.0 * KIB,
    4096.0 * KIB,
    16384.0 * KIB,
    65536.0 * KIB,
    262_144.0 * KIB,
    1_048_576.0 * KIB,
    4_194_304.0 * KIB,
    16_777_216.0 * KIB,
];

pub(super) type Level = Gauge<u64, AtomicU64>;
pub(super) type Seconds = Gauge<f64, AtomicU64>;
pub(super) type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

#[derive(Clone, Debug)]
pub(super) struct Families {
    pub batch_info: Family<BatchLabel, Level>,
    pub image_seconds: Histograms<OutcomeLabel>,
    pub bytes: Family<BytesLabels, Counter>,
    pub blob_bytes: Histogram,
    pub blob_seconds: Histogram,
    pub retries: Family<FailureLabels, Counter>,
    pub failures: Family<FailureLabels, Counter>,
    /// Without a series while the time is unknown.
    pub eta: Family<NoLabels, Seconds>,
    pub last_progress: Seconds,
    pub running: Level,
    images: Images,
    in_flight: Level,
    parallel: Level,
    planned_bytes: Level,
    settled_bytes: Level,
    paused: Level,
}

/// The series of `transship_images`.
#[derive(Clone, Debug)]
struct Images {
    queued: Level,
    running: Level,
    waiting: Level,
    staged: Level,
    copied: Level,
    up_to_date: Level,
    failed: Level,
    skipped: Level,
}

impl Families {
    /// Registers all of them.
    pub(super) fn register(registry: &mut Registry, version: &'static str) -> Self {
        let build = Family::<VersionLabel, Level>::default();
        build.get_or_create(&VersionLabel { version }).set(1);
        add(registry, "transship_build_info", "The program", build);
        Self {
            batch_info: add(
                registry,
                "transship_batch_info",
                "The batch of this process",
                Family::default(),
            ),
            images: Images::register(registry),
            in_flight: add(
                registry,
                "transship_images_in_flight",
                "Images being copied",
                Level::default(),
            ),
            parallel: add(
                registry,
                "transship_images_parallel",
                "Images that may be copied at once",
                Level::default(),
            ),
            image_seconds: add(
                registry,
                "transship_image_duration_seconds",
                "Time from the first start of an image to its end",
                Family::new_with_constructor(|| Histogram::new(IMAGE_SECONDS)),
            ),
            bytes: add(
                registry,
                "transship_bytes",
                "Bytes of settled blobs: written to a destination, by how; read from a source if copied",
                Family::default(),
            ),
            blob_bytes: add(
                registry,
                "transship_blob_size_bytes",
                "Sizes of settled blobs",
                Histogram::new(BLOB_BYTES),
            ),
            blob_seconds: add(
                registry,
                "transship_blob_duration_seconds",
                "Time from the start of a blob to its end, for copied blobs",
                Histogram::new(BLOB_SECONDS),
            ),
            retries: add(
                registry,
                "transship_retries",
                "Attempts that failed and are repeated",
                by_failure(),
            ),
            failures: add(
                registry,
                "transship_failures",
                "Images that failed for good",
                by_failure(),
            ),
            eta: add(
                registry,
                "transship_eta_seconds",
                "Estimated time left; absent while unknown",
                Family::default(),
            ),
            planned_bytes: add(
                registry,
                "transship_planned_bytes",
                "Bytes of all blobs of the images whose manifests were read",
                Level::default(),
            ),
            settled_bytes: add(
                registry,
                "transship_settled_bytes",
                "Of the planned bytes, those at the destination",
                Level::default(),
            ),
            last_progress: add(
                registry,
                "transship_last_progress_timestamp_seconds",
                "When bytes last moved, an image last ended, or the batch began or went on",
                Seconds::default(),
            ),
            running: add(
                registry,
                "transship_batch_running",
                "1 from the start of the batch to its end",
                Level::default(),
            ),
            paused: add(
                registry,
                "transship_batch_paused",
                "1 while an operator has paused the batch or reviews its plan",
                Level::default(),
            ),
        }
    }

    /// Sets what the board knows.
    pub(super) fn set_levels(&self, board: &Board) {
        let counts = board.counts();
        let images = &self.images;
        set(&images.queued, counts.queued);
        set(&images.running, counts.running);
        set(&images.waiting, counts.waiting);
        set(&images.staged, counts.staged);
        set(&images.copied, counts.copied);
        set(&images.up_to_date, counts.up_to_date);
        set(&images.failed, counts.failed);
        set(&images.skipped, counts.skipped + counts.kept);
        set(&self.in_flight, counts.running);
        self.parallel.set(board.parallel.into());
        let totals = board.totals();
        self.planned_bytes.set(totals.planned);
        let settled = totals.copied + totals.mounted + totals.present;
        self.settled_bytes.set(settled);
        let waits = board.paused || board.is_reviewing();
        self.paused.set(waits.into());
    }
}

impl Images {
    fn register(registry: &mut Registry) -> Self {
        let family = Family::<StateLabel, Level>::default();
        let state = |state| family.get_or_create_owned(&StateLabel { state });
        let images = Self {
            queued: state("queued"),
            running: state("running"),
            waiting: state("waiting"),
            staged: state("staged"),
            copied: state("copied"),
            up_to_date: state("up_to_date"),
            failed: state("failed"),
            skipped: state("skipped"),
        };
        add(registry, "transship_images", "Images by state now", family);
        images
    }
}

/// A family with all series, so that the first failure is seen as an increase from 0.
fn by_failure() -> Family<FailureLabels, Counter> {
    let family = Family::default();
    for side in SIDES {
        for class in CLASSES {
            drop(family.get_or_create(&FailureLabels { side, class }));
        }
    }
    family
}

/// Registers a metric and returns it.
pub(super) fn add<M: Metric + Clone>(
    registry: &mut Registry,
    name: &str,
    help: &str,
    metric: M,
) -> M {
    registry.register(name, help, metric.clone());
    metric
}

/// Adds 1 to one series.
pub(super) fn count<L>(family: &Family<L, Counter>, labels: &L)
where
    L: Clone + std::hash::Hash + Eq + EncodeLabelSet,
{
    family.get_or_create(labels).inc();
}

fn set(level: &Level, count: usize) {
    level.set(count as u64);
}
