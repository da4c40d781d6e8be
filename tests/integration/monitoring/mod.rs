//! The files in `assets/monitoring`, as promtool, Prometheus and Grafana read them.

mod promtool;
