//! All families of a process, and how they are written.
//!
//! Invariant: a counter never goes back between two texts of one process.

use std::fmt;

use prometheus_client::{encoding::text::encode, registry::Registry};

use super::{
    batch_metrics::BatchMetrics, families::Families, operations::Operations, prometheus_text,
    store_families::StoreFamilies,
};
use crate::batch::StoreUsage;

/// The metrics of this process. Readers and writers share it.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    pub(super) families: Families,
    operations: Operations,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus' text format 0.0.4.
    PrometheusText,
}

impl Metrics {
    /// `usage` reads how stores were used; it is called once for each text and must not wait.
    pub fn new(usage: impl Fn() -> Vec<StoreUsage> + Send + Sync + 'static) -> Self {
        let mut registry = Registry::default();
        let families = Families::register(&mut registry, env!("CARGO_PKG_VERSION"));
        registry.register_collector(Box::new(StoreFamilies(Box::new(usage))));
        let operations = Operations::register(&mut registry);
        Self {
            registry,
            families,
            operations,
        }
    }

    /// The observer of the batch of this process.
    #[must_use]
    pub fn batch(&self) -> BatchMetrics {
        BatchMetrics::new(self.families.clone(), self.operations.clone())
    }

    /// Counts what is done beside a batch.
    #[must_use]
    pub fn operations(&self) -> &Operations {
        &self.operations
    }

    /// All families as text.
    ///
    /// # Errors
    /// If a value cannot be written, which a value of this program can.
    pub fn text(&self, format: Format) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(match format {
            Format::OpenMetrics => text,
            Format::PrometheusText => prometheus_text::from_open_metrics(&text),
        })
    }
}

impl Format {
    /// The content type of a text.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::PrometheusText => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}
