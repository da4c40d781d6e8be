//! The files in `assets/monitoring`, as promtool, Prometheus and Grafana read them.

mod dashboard;
mod dashboard_layout;
mod eventful_batch;
mod prometheus;
mod promtool;
mod real_run;
