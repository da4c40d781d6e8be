//! Prometheus metrics of a batch: an observer of its events, an endpoint to scrape, a file for node_exporter.
//!
//! Decides the families and their labels. Invariant: no label holds a repository, a tag or a digest, so that the number
//! of series does not grow with the list.

mod batch_metrics;
#[cfg(test)]
mod documentation;
mod endpoint;
mod exposition;
mod families;
mod images_in_flight;
mod labels;
mod listen_address;
mod operations;
mod prometheus_text;
#[cfg(test)]
mod sample_batch;
mod store_families;
mod textfile;

pub use batch_metrics::BatchMetrics;
pub use endpoint::{Endpoint, RunningEndpoint};
pub use exposition::{Format, Metrics};
pub use labels::Operation;
pub use listen_address::{ListenAddress, ListenAddressError};
pub use operations::{ActiveOperation, Operations};
pub use textfile::{Textfile, TextfileWriter};
