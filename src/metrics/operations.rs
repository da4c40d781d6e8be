//! The families that dashboards for a skopeo wrapper expect: `skopeo_*`, counted for what this program does.
//!
//! Decides their names, labels and buckets. Invariant: all series by operation exist from the start.

use std::time::{Duration, Instant};

use prometheus_client::{
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

use super::{
    families::{Histograms, Level, add, count},
    labels::{
        self, DestinationLabels, Operation, OperationErrorLabels, OperationLabel,
        OperationStatusLabels, SourceLabels, StoreLabel,
    },
};
use crate::{batch::FailureClass, oci::Store};

const SECONDS: [f64; 10] = [0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];
/// Powers of 10 from 1 KiB on, as the wrapper has them.
const BYTES: [f64; 7] = [
    1024.0,
    10_240.0,
    102_400.0,
    1_048_576.0,
    10_485_760.0,
    104_857_600.0,
    1_073_741_824.0,
];
const SUCCESS: &str = "success";
const ERROR: &str = "error";

/// Counts operations. Cheap to clone; clones share their values.
#[derive(Clone, Debug)]
pub struct Operations {
    ended: Family<OperationStatusLabels, Counter>,
    seconds: Histograms<OperationLabel>,
    blobs: Family<OperationStatusLabels, Counter>,
    blob_bytes: Histograms<OperationLabel>,
    active: Family<OperationLabel, Level>,
    copies: Copies,
    errors: Family<OperationErrorLabels, Counter>,
    sources: Family<SourceLabels, Counter>,
    destinations: Family<DestinationLabels, Counter>,
}

/// The series of copies, which change most often.
#[derive(Clone, Debug)]
struct Copies {
    active: Level,
    succeeded: Counter,
    failed: Counter,
    seconds: Histogram,
}

/// An operation that was started. Dropping it without a result counts it as ended in neither way.
#[derive(Debug)]
pub struct ActiveOperation {
    operations: Operations,
    operation: Operation,
    since: Instant,
}

impl Operations {
    /// Registers all of them.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let active = Family::<OperationLabel, Level>::default();
        let ended = Family::<OperationStatusLabels, Counter>::default();
        let seconds: Histograms<OperationLabel> =
            Family::new_with_constructor(|| Histogram::new(SECONDS));
        let operations = Self {
            copies: Copies {
                active: active.get_or_create_owned(&label(Operation::Copy)),
                succeeded: ended.get_or_create_owned(&with_status(Operation::Copy, SUCCESS)),
                failed: ended.get_or_create_owned(&with_status(Operation::Copy, ERROR)),
                seconds: seconds.get_or_create_owned(&label(Operation::Copy)),
            },
            ended: add(
                registry,
                "skopeo_operations",
                "Operations that ended",
                ended,
            ),
            seconds: add(
                registry,
                "skopeo_operation_duration_seconds",
                "Time from the first start of an operation to its end",
                seconds,
            ),
            blobs: add(
                registry,
                "skopeo_blobs_processed",
                "Blobs at the destination, and blobs whose copy ended with a failed attempt",
                Family::default(),
            ),
            blob_bytes: add(
                registry,
                "skopeo_blob_size_bytes",
                "Sizes of blobs at the destination",
                Family::new_with_constructor(|| Histogram::new(BYTES)),
            ),
            active: add(
                registry,
                "skopeo_active_operations",
                "Operations that are running",
                active,
            ),
            errors: add(
                registry,
                "skopeo_operation_errors",
                "Operations that failed, by class of failure",
                Family::default(),
            ),
            sources: add(
                registry,
                "skopeo_source_operations",
                "Operations that ended, by transport of the source",
                Family::default(),
            ),
            destinations: add(
                registry,
                "skopeo_destination_operations",
                "Operations that ended, by transport of the destination",
                Family::default(),
            ),
        };
        for operation in Operation::ALL {
            operations.make_series(operation);
        }
        operations
    }

    fn make_series(&self, operation: Operation) {
        for status in [SUCCESS, ERROR] {
            let labels = with_status(operation, status);
            drop(self.ended.get_or_create(&labels));
            drop(self.blobs.get_or_create(&labels));
        }
        for error_type in labels::CLASSES {
            let operation = operation.word();
            let labels = OperationErrorLabels {
                operation,
                error_type,
            };
            drop(self.errors.get_or_create(&labels));
        }
        let label = label(operation);
        drop(self.seconds.get_or_create(&label));
        drop(self.blob_bytes.get_or_create(&label));
        drop(self.active.get_or_create(&label));
    }

    /// Counts an operation until it is finished or dropped.
    #[must_use]
    pub fn start(&self, operation: Operation) -> ActiveOperation {
        self.active.get_or_create(&label(operation)).inc();
        ActiveOperation {
            operations: self.clone(),
            operation,
            since: Instant::now(),
        }
    }

    /// Sets how many images are copied now.
    pub(super) fn set_copying(&self, images: usize) {
        self.copies.active.set(images as u64);
    }

    /// Counts the copy of an image that ended after `time`.
    pub(super) fn copied(
        &self,
        source: &StoreLabel,
        destination: &StoreLabel,
        result: Result<(), FailureClass>,
        time: Duration,
    ) {
        let ended = match result {
            Ok(()) => &self.copies.succeeded,
            Err(_) => &self.copies.failed,
        };
        ended.inc();
        self.copies.seconds.observe(time.as_secs_f64());
        self.count_stores(Operation::Copy, source, Some(destination), result);
    }

    /// Counts another operation that ended.
    fn ended(
        &self,
        operation: Operation,
        store: &StoreLabel,
        result: Result<(), FailureClass>,
        time: Duration,
    ) {
        let status = if result.is_ok() { SUCCESS } else { ERROR };
        count(&self.ended, &with_status(operation, status));
        let seconds = self.seconds.get_or_create(&label(operation));
        seconds.observe(time.as_secs_f64());
        self.count_stores(operation, store, None, result);
    }

    fn count_stores(
        &self,
        operation: Operation,
        source: &StoreLabel,
        destination: Option<&StoreLabel>,
        result: Result<(), FailureClass>,
    ) {
        let operation = operation.word();
        let source_type = source.transport_type();
        let labels = SourceLabels {
            source_type,
            operation,
        };
        count(&self.sources, &labels);
        if let Some(destination) = destination {
            let destination_type = destination.transport_type();
            let labels = DestinationLabels {
                destination_type,
                operation,
            };
            count(&self.destinations, &labels);
        }
        if let Err(class) = result {
            let error_type = labels::class(class);
            let labels = OperationErrorLabels {
                operation,
                error_type,
            };
            count(&self.errors, &labels);
        }
    }

    /// Counts a blob that is at its destination. `size` is in bytes.
    pub(super) fn blob_settled(&self, size: u64) {
        count(&self.blobs, &with_status(Operation::Copy, SUCCESS));
        let bytes = self.blob_bytes.get_or_create(&label(Operation::Copy));
        // Blobs are far smaller than what an f64 counts exactly.
        bytes.observe(size as f64);
    }

    pub(super) fn blobs_failed(&self, blobs: usize) {
        let labels = with_status(Operation::Copy, ERROR);
        self.blobs.get_or_create(&labels).inc_by(blobs as u64);
    }
}

impl ActiveOperation {
    /// Counts the end of an operation at one store.
    pub fn finish(self, store: &Store, result: Result<(), FailureClass>) {
        let (operations, operation) = (&self.operations, self.operation);
        let store = StoreLabel::from(store);
        operations.ended(operation, &store, result, self.since.elapsed());
    }
}

impl Drop for ActiveOperation {
    fn drop(&mut self) {
        let active = &self.operations.active;
        active.get_or_create(&label(self.operation)).dec();
    }
}

fn label(operation: Operation) -> OperationLabel {
    OperationLabel {
        operation: operation.word(),
    }
}

fn with_status(operation: Operation, status: &'static str) -> OperationStatusLabels {
    OperationStatusLabels {
        operation: operation.word(),
        status,
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    #[test]
    fn an_operation_is_active_until_it_ends_in_whatever_way() {
        let mut registry = Registry::default();
        let operations = Operations::register(&mut registry);
        let has = |line: &str| {
            let mut text = String::new();
            encode(&mut text, &registry).unwrap();
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        };
        has("skopeo_operations_total{operation=\"delete\",status=\"error\"} 0");
        let store = "oci:estate".parse().unwrap();
        let inspect = operations.start(Operation::Inspect);
        let other = operations.start(Operation::Inspect);
        has("skopeo_active_operations{operation=\"inspect\"} 2");
        inspect.finish(&store, Err(FailureClass::NotFound));
        drop(other);
        has("skopeo_active_operations{operation=\"inspect\"} 0");
        has("skopeo_operations_total{operation=\"inspect\",status=\"error\"} 1");
        has("skopeo_operations_total{operation=\"inspect\",status=\"success\"} 0");
        has("skopeo_operation_errors_total{operation=\"inspect\",error_type=\"not_found\"} 1");
        has("skopeo_source_operations_total{source_type=\"oci\",operation=\"inspect\"} 1");
        has("skopeo_operation_duration_seconds_count{operation=\"inspect\"} 1");
    }
}
