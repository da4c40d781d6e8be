//! The families by registry that are read when they are asked for: requests, answers, limits, streams.
//!
//! Decides their names and labels. Invariant: stores of this machine with the same transport are one series, so that no
//! path is a label.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, MetricEncoder, NoLabelSet},
    metrics::MetricType,
};

use super::labels::{self, ModeLabels, RegistryLabel, RequestLabels, StoreLabel};
use crate::batch::{AnswerTimes, RegistryStatus, RequestCount, StoreUsage};

/// Where the usage of stores comes from; called once for each scrape and each writing of the file.
pub(super) type ReadUsage = Box<dyn Fn() -> Vec<StoreUsage> + Send + Sync>;

pub(super) struct StoreFamilies(pub ReadUsage);

/// The stores of one label together.
#[derive(Default)]
struct Usage {
    bytes: u64,
    pauses: u64,
    throttled_ms: u64,
    is_unreachable: bool,
    streams: u64,
    allowed: u64,
    ceiling: u64,
    /// Remaining and limit.
    budget: Option<(u64, u64)>,
    modes: BTreeSet<&'static str>,
    requests: Vec<RequestCount>,
    answers: AnswerTimes,
}

type ByStore = BTreeMap<StoreLabel, Usage>;

impl fmt::Debug for StoreFamilies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreFamilies")
    }
}

impl Collector for StoreFamilies {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let mut stores = ByStore::new();
        for usage in (self.0)() {
            let label = StoreLabel::from(&usage.status.registry);
            stores.entry(label).or_default().add(usage);
        }
        // A local store has neither requests nor a way to be sent to.
        let registries: Vec<_> = (stores.iter())
            .filter(|(label, _)| matches!(label, StoreLabel::Registry(_)))
            .collect();
        let encoder = &mut encoder;
        encode_requests(encoder, &registries)?;
        encode_answers(encoder, &registries)?;
        encode_counters(encoder, &stores)?;
        encode_gauges(encoder, &stores)?;
        encode_budgets(encoder, &stores)?;
        encode_modes(encoder, &registries)
    }
}

impl Usage {
    fn add(&mut self, StoreUsage { status, requests }: StoreUsage) {
        self.bytes += status.bytes;
        self.pauses += requests.throttling_pauses;
        self.throttled_ms = self.throttled_ms.max(throttled_ms(&status));
        self.is_unreachable |= status.unreachable;
        self.streams += u64::from(status.streams);
        self.allowed += u64::from(status.stream_limit);
        self.ceiling += u64::from(status.stream_ceiling);
        let budget = status.budget.map(|budget| (budget.remaining, budget.limit));
        self.budget = self.budget.or(budget);
        self.modes.insert(labels::upload_mode(status.upload_mode));
        // Only registries have these, and a registry is added once.
        self.requests.extend(requests.answered);
        self.answers = requests.answer_times;
    }
}

/// The time until the next request, if the registry or one of its operations throttles.
fn throttled_ms(status: &RegistryStatus) -> u64 {
    let registry = status.throttled_ms.filter(|_| !status.unreachable);
    let operation = status.rationed.as_ref().and_then(|one| one.pause_ms);
    registry.max(operation).map_or(0, |pause| pause.0)
}

type Registries<'a> = [(&'a StoreLabel, &'a Usage)];

fn encode_requests(encoder: &mut DescriptorEncoder, registries: &Registries) -> fmt::Result {
    let mut family = encoder.encode_descriptor(
        "transship_requests",
        "Requests by method and status of the answer; error if there was none.",
        None,
        MetricType::Counter,
    )?;
    for (registry, usage) in registries {
        for request in &usage.requests {
            let labels = RequestLabels {
                registry: (*registry).clone(),
                method: request.method,
                status: (request.status).map_or("error".into(), |status| status.to_string()),
            };
            encode_counter(&mut family, &labels, request.count)?;
        }
    }
    Ok(())
}

fn encode_answers(encoder: &mut DescriptorEncoder, registries: &Registries) -> fmt::Result {
    let mut family = encoder.encode_descriptor(
        "transship_answer_seconds",
        "Time until the headers of an answer came; without requests that stream a blob.",
        None,
        MetricType::Histogram,
    )?;
    for (registry, usage) in registries {
        let AnswerTimes { buckets, sum } = &usage.answers;
        let count = buckets.iter().map(|(_, count)| count).sum();
        let labels = RegistryLabel {
            registry: (*registry).clone(),
        };
        let mut series = family.encode_family(&labels)?;
        series.encode_histogram::<NoLabelSet>(*sum, count, buckets, None)?;
    }
    Ok(())
}

fn encode_counters(encoder: &mut DescriptorEncoder, stores: &ByStore) -> fmt::Result {
    let families: [(&str, &str, fn(&Usage) -> u64); 2] = [
        (
            "transship_transferred_bytes",
            "Bytes of blobs received from and sent to a registry, also by attempts that failed.",
            |usage| usage.bytes,
        ),
        (
            "transship_throttling_pauses",
            "Pauses that began because a registry throttles.",
            |usage| usage.pauses,
        ),
    ];
    for (name, help, value) in families {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (registry, usage) in stores {
            encode_counter(&mut family, &registry_label(registry), value(usage))?;
        }
    }
    Ok(())
}

fn encode_gauges(encoder: &mut DescriptorEncoder, stores: &ByStore) -> fmt::Result {
    let mut family = encoder.encode_descriptor(
        "transship_throttled_seconds",
        "Time until the next request may be sent to a registry that throttles; 0 if it does not.",
        None,
        MetricType::Gauge,
    )?;
    for (registry, usage) in stores {
        let labels = registry_label(registry);
        let seconds = usage.throttled_ms as f64 / 1e3;
        family.encode_family(&labels)?.encode_gauge(&seconds)?;
    }
    let families: [(&str, &str, fn(&Usage) -> u64); 4] = [
        (
            "transship_unreachable",
            "1 while requests are held back because the registry cannot be reached.",
            |usage| usage.is_unreachable.into(),
        ),
        ("transship_streams", "Blob streams in use.", |usage| {
            usage.streams
        }),
        (
            "transship_streams_allowed",
            "Blob streams that may be in use now; fewer than the ceiling while a registry throttles.",
            |usage| usage.allowed,
        ),
        (
            "transship_streams_ceiling",
            "Blob streams that the operator allows.",
            |usage| usage.ceiling,
        ),
    ];
    for (name, help, value) in families {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (registry, usage) in stores {
            let labels = registry_label(registry);
            family.encode_family(&labels)?.encode_gauge(&value(usage))?;
        }
    }
    Ok(())
}

fn encode_budgets(encoder: &mut DescriptorEncoder, stores: &ByStore) -> fmt::Result {
    let families: [(&str, &str, fn((u64, u64)) -> u64); 2] = [
        (
            "transship_rate_limit_remaining",
            "Requests left of the quota that a registry reports.",
            |(remaining, _)| remaining,
        ),
        (
            "transship_rate_limit_limit",
            "The whole quota of requests that a registry reports.",
            |(_, limit)| limit,
        ),
    ];
    let budgets = || {
        stores
            .iter()
            .filter_map(|(registry, usage)| Some((registry, usage.budget?)))
    };
    if budgets().next().is_none() {
        return Ok(());
    }
    for (name, help, value) in families {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (registry, budget) in budgets() {
            let labels = registry_label(registry);
            family
                .encode_family(&labels)?
                .encode_gauge(&value(budget))?;
        }
    }
    Ok(())
}

fn encode_modes(encoder: &mut DescriptorEncoder, registries: &Registries) -> fmt::Result {
    let mut family = encoder.encode_descriptor(
        "transship_upload_mode",
        "1 for the way in which blobs are sent to a registry.",
        None,
        MetricType::Gauge,
    )?;
    for (registry, usage) in registries {
        for mode in &usage.modes {
            let labels = ModeLabels {
                registry: (*registry).clone(),
                mode,
            };
            family.encode_family(&labels)?.encode_gauge(&1u64)?;
        }
    }
    Ok(())
}

fn registry_label(registry: &StoreLabel) -> RegistryLabel {
    RegistryLabel {
        registry: registry.clone(),
    }
}

fn encode_counter(
    family: &mut MetricEncoder,
    labels: &impl EncodeLabelSet,
    value: u64,
) -> fmt::Result {
    let mut series = family.encode_family(labels)?;
    series.encode_counter::<NoLabelSet, u64, f64>(&value, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        batch::{Budget, Millis, RequestCounts, UploadMode},
        metrics::{Format, Metrics},
    };

    fn usage(store: &str) -> StoreUsage {
        StoreUsage {
            status: RegistryStatus {
                registry: store.parse().unwrap(),
                streams: 0,
                stream_limit: 10,
                stream_ceiling: 10,
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
                budget: None,
                upload_mode: UploadMode::Whole,
            },
            requests: RequestCounts::default(),
        }
    }

    fn lines(usage: Vec<StoreUsage>) -> Vec<String> {
        let metrics = Metrics::new(move || usage.clone());
        let text = metrics.text(Format::OpenMetrics).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[track_caller]
    fn has(lines: &[String], expected: &[&str]) {
        for line in expected {
            assert!(
                lines.iter().any(|found| found == line),
                "{line}\n{lines:#?}"
            );
        }
    }

    #[test]
    fn a_registry_shows_its_requests_limits_and_how_blobs_are_sent() {
        let mut harbor = usage("harbor.example:8443");
        harbor.status.bytes = 500;
        harbor.status.streams = 3;
        harbor.status.stream_limit = 5;
        harbor.status.upload_mode = UploadMode::Chunks { bytes: 1000 };
        harbor.status.throttled_ms = Some(Millis(1500));
        harbor.status.budget = Some(Budget {
            limit: 100,
            remaining: 24,
            window_ms: None,
        });
        let request = |method, status, count| RequestCount {
            method,
            status,
            count,
        };
        harbor.requests = RequestCounts {
            answered: vec![request("GET", Some(200), 7), request("PUT", None, 1)],
            answer_times: AnswerTimes {
                buckets: vec![(0.1, 4), (1.0, 2), (f64::INFINITY, 1)],
                sum: 4.5,
            },
            throttling_pauses: 2,
        };
        let lines = lines(vec![harbor]);
        let of = "registry=\"harbor.example:8443\"";
        for line in [
            format!("transship_requests_total{{{of},method=\"GET\",status=\"200\"}} 7"),
            format!("transship_requests_total{{{of},method=\"PUT\",status=\"error\"}} 1"),
            format!("transship_answer_seconds_bucket{{le=\"1.0\",{of}}} 6"),
            format!("transship_answer_seconds_count{{{of}}} 7"),
            format!("transship_answer_seconds_sum{{{of}}} 4.5"),
            format!("transship_transferred_bytes_total{{{of}}} 500"),
            format!("transship_throttling_pauses_total{{{of}}} 2"),
            format!("transship_throttled_seconds{{{of}}} 1.5"),
            format!("transship_unreachable{{{of}}} 0"),
            format!("transship_streams{{{of}}} 3"),
            format!("transship_streams_allowed{{{of}}} 5"),
            format!("transship_streams_ceiling{{{of}}} 10"),
            format!("transship_rate_limit_remaining{{{of}}} 24"),
            format!("transship_rate_limit_limit{{{of}}} 100"),
            format!("transship_upload_mode{{{of},mode=\"chunks\"}} 1"),
        ] {
            has(&lines, &[&line]);
        }
    }

    #[test]
    fn stores_of_one_transport_are_one_series_without_a_path() {
        let mut stores: Vec<_> = (0..1000).map(|n| usage(&format!("dir:/srv/{n}"))).collect();
        stores[0].status.bytes = 30;
        stores[999].status.bytes = 4;
        let many = lines(stores);
        has(
            &many,
            &[
                "transship_transferred_bytes_total{registry=\"dir\"} 34",
                "transship_streams_ceiling{registry=\"dir\"} 10000",
            ],
        );
        assert!(many.iter().all(|line| !line.contains("/srv")), "{many:#?}");
        assert_eq!(many.len(), lines(vec![usage("dir:/srv/1")]).len());
    }

    #[test]
    fn a_registry_that_cannot_be_reached_is_not_throttling() {
        let mut gone = usage("a.example");
        gone.status.throttled_ms = Some(Millis(4000));
        gone.status.unreachable = true;
        let lines = lines(vec![gone]);
        has(
            &lines,
            &[
                "transship_throttled_seconds{registry=\"a.example\"} 0.0",
                "transship_unreachable{registry=\"a.example\"} 1",
            ],
        );
        assert!(!lines.iter().any(|line| line.contains("rate_limit")));
    }
}
