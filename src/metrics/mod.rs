//! Prometheus metrics of a batch: an observer of its events, an endpoint to scrape, a file for node_exporter.
//!
//! Decides the families and their labels. Invariant: no label holds a repository, a tag or a digest, so that the number
//! of series does not grow with the list.
