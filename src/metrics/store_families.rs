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
