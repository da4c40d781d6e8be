//! The metrics of a batch while it runs: the observer, the endpoint, the file.
//!
//! Decides when they begin and end. Invariant: neither a slow reader nor a slow disk delays the batch.

use std::{path::PathBuf, sync::Arc};

use jiff::Timestamp;

use super::output::{shown, tell};
use crate::{
    batch::{Board, TimedEvent},
    metrics::{
        BatchMetrics, Endpoint, Metrics, Operations, RunningEndpoint, Textfile, TextfileWriter,
    },
    run::Observer,
    transport::Stores,
};

/// What was checked and does nothing yet.
#[derive(Debug, Default)]
pub(super) struct PreparedMetrics {
    pub endpoint: Option<Endpoint>,
    pub file: Option<Textfile>,
}

/// Metrics that are kept until they are finished.
pub(super) struct RunningMetrics {
    metrics: Arc<Metrics>,
    endpoint: Option<RunningEndpoint>,
    file: Option<(PathBuf, TextfileWriter)>,
}

struct MetricsObserver<T> {
    batch: BatchMetrics,
    trigger: Option<T>,
}

impl PreparedMetrics {
    /// Serves and writes the metrics of a batch from now on, if anybody wants them.
    pub(super) fn start(self, stores: &Arc<Stores>) -> anyhow::Result<Option<RunningMetrics>> {
        let Self { endpoint, file } = self;
        if endpoint.is_none() && file.is_none() {
            return Ok(None);
        }
        let stores = Arc::clone(stores);
        let metrics = Arc::new(Metrics::new(move || stores.usage()));
        let endpoint = endpoint.map(|endpoint| endpoint.serve(Arc::clone(&metrics)));
        let file = file.map(|file| {
            let path = file.path().to_owned();
            (path, file.keep_written(Arc::clone(&metrics)))
        });
        Ok(Some(RunningMetrics {
            endpoint: endpoint.transpose()?,
            file,
            metrics,
        }))
    }
}

impl RunningMetrics {
    /// Counts the batch.
    pub(super) fn observer(&self) -> Box<dyn Observer> {
        Box::new(MetricsObserver {
            batch: self.metrics.batch(),
            trigger: self.file.as_ref().map(|(_, file)| file.trigger()),
        })
    }

    /// Counts what is done beside the batch.
    pub(super) fn operations(&self) -> Operations {
        self.metrics.operations().clone()
    }

    /// Ends after the batch: the file has the final values, and nobody is answered any more.
    pub(super) async fn finish(self) {
        if let Some((path, file)) = self.file
            && let Err(error) = file.finish().await
        {
            tell(format_args!(
                "transship: the metrics file {} has no final values: {error}",
                shown(&path)
            ));
        }
        if let Some(endpoint) = self.endpoint {
            endpoint.stop().await;
        }
    }
}

impl<T: Fn() + Send> Observer for MetricsObserver<T> {
    fn apply(&mut self, event: &Arc<TimedEvent>, board: &Board) {
        self.batch.apply(event, board);
    }

    fn tick(&mut self, now: Timestamp, board: &Board) {
        self.batch.tick(now, board);
        if let Some(trigger) = &self.trigger {
            trigger();
        }
    }
}
