//! A batch in tests: events go to a board and the metrics, and samples are read from the text.
//!
//! Invariant: each event comes a second after the one before.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{BatchMetrics, Format, Metrics};
use crate::{
    batch::{
        Attempt, BatchId, BlobKind, BlobProgress, Board, Event, Failure, FailureClass, Job, JobId,
        Outcome, PlannedBlob, Settled, Side, StoreUsage, TimedEvent,
    },
    oci::{CopySpec, Digest},
};

pub(super) const FIRST: JobId = JobId(0);

pub(super) struct SampleBatch {
    pub metrics: Metrics,
    pub batch: BatchMetrics,
    pub board: Board,
    pub second: i64,
}

impl SampleBatch {
    /// A batch of copies from one location to another.
    pub(super) fn of(copies: &[(&str, &str)]) -> Self {
        Self::with_usage(copies, Vec::new)
    }

    pub(super) fn with_usage(
        copies: &[(&str, &str)],
        usage: impl Fn() -> Vec<StoreUsage> + Send + Sync + 'static,
    ) -> Self {
        let metrics = Metrics::new(usage);
        let mut sample = Self {
            batch: metrics.batch(),
            metrics,
            board: Board::default(),
            second: 0,
        };
        sample.apply(Event::BatchStarted {
            batch: BatchId("20261121-1430-prod-7f3a".into()),
            list: "prod.toml".into(),
            jobs: u32::try_from(copies.len()).unwrap(),
            parallel: 4,
            resumed: false,
        });
        for (id, (source, destination)) in (0..).map(JobId).zip(copies) {
            let spec = CopySpec::new(source.parse().unwrap(), destination.parse().unwrap());
            let job = Job { id, spec };
            sample.apply(Event::JobListed { job: Box::new(job) });
        }
        sample
    }

    /// One image from a.example to b.example.
    pub(super) fn of_one() -> Self {
        Self::of(&[("a.example/app:1", "b.example/app:1")])
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_second(self.second).unwrap()
    }

    pub(super) fn apply(&mut self, event: Event) {
        self.second += 1;
        self.board.apply(&event);
        let at = self.now();
        self.batch.apply(&TimedEvent { at, event }, &self.board);
    }

    pub(super) fn start(&mut self, job: JobId, attempt: u16) {
        let attempt = Attempt(attempt);
        self.apply(Event::JobStarted { job, attempt });
    }

    pub(super) fn plan(&mut self, job: JobId, blobs: &[(&str, u64)]) {
        let blob = |(name, size): &(&str, u64)| PlannedBlob {
            digest: digest(name),
            size: *size,
            kind: BlobKind::Layer,
            media_type: None,
        };
        self.apply(Event::JobPlanned {
            job,
            root: digest("root"),
            manifests: Vec::new(),
            blobs: blobs.iter().map(blob).collect(),
            replaces: None,
        });
    }

    pub(super) fn start_blob(&mut self, job: JobId, name: &str) {
        let (digest, offset) = (digest(name), 0);
        self.apply(Event::BlobStarted {
            job,
            digest,
            offset,
        });
    }

    pub(super) fn progress(&mut self, job: JobId, name: &str, done: u64) {
        let blob = BlobProgress {
            job,
            attempt: Attempt(1),
            digest: digest(name),
            done,
        };
        self.apply(Event::Progress { blobs: vec![blob] });
    }

    pub(super) fn settle(&mut self, job: JobId, name: &str, bytes: u64, how: Settled) {
        let digest = digest(name);
        self.apply(Event::BlobSettled {
            job,
            digest,
            bytes,
            how,
        });
    }

    pub(super) fn retry(&mut self, job: JobId, cause: Failure) {
        self.apply(Event::JobRetryScheduled {
            job,
            attempt: Attempt(1),
            delay_ms: std::time::Duration::from_secs(1).into(),
            cause,
        });
    }

    pub(super) fn finish(&mut self, job: JobId, outcome: Outcome) {
        self.apply(Event::JobFinished { job, outcome });
    }

    /// The samples: name with labels, and value.
    pub(super) fn samples(&self) -> BTreeMap<String, f64> {
        let text = self.metrics.text(Format::OpenMetrics).unwrap();
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let samples = samples.map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            (series.to_owned(), value.parse().unwrap())
        });
        samples.collect()
    }

    /// The value of a series; absent if there is none.
    pub(super) fn value(&self, series: &str) -> Option<f64> {
        self.samples().get(series).copied()
    }

    /// Asserts the values of series.
    #[track_caller]
    pub(super) fn has(&self, expected: &[(&str, f64)]) {
        let samples = self.samples();
        for (series, value) in expected {
            assert_eq!(samples.get(*series), Some(value), "{series}\n{samples:#?}");
        }
    }
}

pub(super) fn digest(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

pub(super) fn failure(side: Side, class: FailureClass) -> Failure {
    Failure {
        side,
        class,
        summary: "answered 503".into(),
        chain: Vec::new(),
    }
}

pub(super) fn transient() -> FailureClass {
    FailureClass::Transient {
        retry_after_ms: None,
    }
}

pub(super) fn copied() -> Outcome {
    Outcome::Copied {
        root: digest("root"),
    }
}
