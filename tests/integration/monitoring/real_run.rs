//! What a real Prometheus knows of a real batch: every query of the dashboard and every alert has data.
//!
//! An alert has data if its expression, without its comparisons with numbers, returns series: they are its thresholds.

use std::{collections::BTreeSet, fs, time::Duration};

use regex::Regex;
use tokio::time::Instant;

use super::{dashboard::Dashboard, eventful_batch::EventfulBatch, prometheus::Prometheus};
use crate::installed;

/// What happens takes some 20 s.
const LONGEST: Duration = Duration::from_secs(120);

/// What happened in the batch, so that a query without data is the query's fault; and alerts that see it.
const HAPPENED: [&str; 16] = [
    r#"transship_bytes_total{direction="read", how="copied"} > 0"#,
    r#"transship_bytes_total{direction="written", how="copied"} > 0"#,
    r#"transship_bytes_total{how="mounted"} > 0"#,
    r#"transship_bytes_total{how="present"} > 0"#,
    r#"transship_images{state="up_to_date"} > 0"#,
    r#"transship_images{state="failed"} > 0"#,
    r#"transship_retries_total{side="source", class="transient"} > 0"#,
    r#"transship_failures_total{side="source", class="not_found"} > 0"#,
    r#"transship_requests_total{status="429"} > 0"#,
    "transship_throttling_pauses_total > 0",
    "transship_throttled_seconds > 0",
    "transship_rate_limit_remaining == 3",
    "transship_unreachable == 1",
    r#"ALERTS{alertname="TransshipImagesFailed", alertstate="firing", class="not_found"}"#,
    r#"ALERTS{alertname="TransshipRateLimitNearlyUsed", batch!=""}"#,
    r#"ALERTS{alertname="TransshipRegistryUnreachable", batch!=""}"#,
];

enum Expected {
    /// An instant query.
    Now(String),
    /// A range query.
    Ever(String),
    /// A selector and a label that a variable chooses from.
    Label(String, String),
}

impl Expected {
    async fn is_met(&self, prometheus: &Prometheus) -> bool {
        match self {
            Self::Now(query) => prometheus.has(query).await,
            Self::Ever(query) => prometheus.had(query).await,
            Self::Label(selector, label) => prometheus.has_label(selector, label).await,
        }
    }
}

/// Polls until all is met.
async fn expect(prometheus: &Prometheus, mut expected: Vec<(String, Expected)>) {
    let deadline = Instant::now() + LONGEST;
    while !expected.is_empty() && Instant::now() < deadline {
        let mut left = Vec::new();
        for (name, one) in expected {
            if !one.is_met(prometheus).await {
                left.push((name, one));
            }
        }
        expected = left;
    }
    let left: Vec<_> = expected.into_iter().map(|(name, _)| name).collect();
    assert!(left.is_empty(), "no data:\n{}", left.join("\n"));
}

/// The expression of an alert without its thresholds.
fn without_thresholds(query: &str) -> String {
    let comparison = Regex::new(r"(==|!=|>=|<=|>|<) *(bool +)?-?[0-9][0-9.e+-]*").unwrap();
    comparison.replace_all(query, "").into_owned()
}

#[test]
fn a_threshold_is_a_comparison_with_a_number() {
    let query =
        r#"sum by (a) (b{c=~"5..", d!="1"}) > 0.05 and on (a) e[5m] == bool 1 or f < -1e+06"#;
    let left = without_thresholds(query);
    assert_eq!(
        left,
        r#"sum by (a) (b{c=~"5..", d!="1"})  and on (a) e[5m]  or f "#
    );
}

#[tokio::test]
async fn every_query_and_every_alert_has_data() {
    let Some(program) = installed::program("prometheus") else {
        return;
    };
    let mut batch = EventfulBatch::start().await;
    let prometheus = Prometheus::start(&program, &batch.address).await;
    let scraped = Expected::Now("up == 1 and on (job, instance) transship_batch_info".into());
    expect(&prometheus, vec![("the batch is scraped".into(), scraped)]).await;
    batch.begin().await;

    let dashboard = Dashboard::read();
    let mut expected = Vec::new();
    for (panel, target) in dashboard.targets() {
        let query = target.query();
        let name = format!("{}: {query}", panel.title);
        let of_kind = if target.instant {
            Expected::Now
        } else {
            Expected::Ever
        };
        expected.push((name, of_kind(query)));
    }
    for variable in dashboard.variables() {
        if let Some((selector, label)) = variable.label_values() {
            let label = Expected::Label(selector, label.to_owned());
            expected.push((variable.name.clone(), label));
        }
    }
    let alerts = prometheus.alerts().await;
    assert!(!alerts.is_empty());
    for alert in &alerts {
        let query = without_thresholds(&alert.query);
        expected.push((format!("{}: {query}", alert.name), Expected::Now(query)));
    }
    for happened in HAPPENED {
        expected.push((happened.into(), Expected::Ever(happened.into())));
    }
    expect(&prometheus, expected).await;

    let evaluated = prometheus.alerts().await;
    assert!(evaluated.iter().all(|alert| alert.is_evaluated()));
    names_are_of_families(&prometheus.names().await.into_iter().collect());
}

/// Every name in the assets is one that the program exposes, and every family is in one of them.
fn names_are_of_families(exposed: &BTreeSet<String>) {
    let read = |name| fs::read_to_string(format!("assets/monitoring/{name}")).unwrap();
    let assets = [read("grafana-dashboard.json"), read("alerts.yml")].concat();
    let name = Regex::new(r"\btransship_[a-z_]+\b").unwrap();
    let used: BTreeSet<_> = name
        .find_iter(&assets)
        .map(|found| found.as_str())
        .collect();
    let unknown: Vec<_> = used
        .iter()
        .filter(|name| !exposed.contains(**name))
        .collect();
    assert!(unknown.is_empty(), "not exposed: {unknown:?}");
    let part = Regex::new("_(bucket|sum|count)$").unwrap();
    let is_used = |family: &str| used.iter().any(|name| part.replace(name, "") == family);
    let unused: Vec<_> = exposed
        .iter()
        .filter(|name| {
            let family = part.replace(name, "");
            name.starts_with("transship_") && !is_used(&family)
        })
        .collect();
    assert!(unused.is_empty(), "families that nobody sees: {unused:?}");
}
