//! Checks that `assets/metrics.md` says what the code exposes.
//!
//! Invariant: the table has every family, in the order of the code.

use std::collections::BTreeSet;

use super::{
    Format,
    sample_batch::{FIRST, SampleBatch, copied, failure, transient},
};
use crate::batch::{
    AnswerTimes, Budget, Event, FailureClass, JobId, Millis, Outcome, RegistryStatus, RequestCount,
    RequestCounts, Settled, Side, StoreUsage, UploadMode,
};

const DOCUMENTED: &str = include_str!("../../assets/metrics.md");

/// A batch that gives every family a series.
fn everything() -> SampleBatch {
    let copy = ("a.example/app:1", "b.example/app:1");
    let mut sample = SampleBatch::with_usage(&[copy, copy], || {
        vec![StoreUsage {
            status: RegistryStatus {
                registry: "a.example".parse().unwrap(),
                streams: 1,
                stream_limit: 10,
                stream_ceiling: 10,
                requests: 1,
                request_rate: 1,
                request_limit: None,
                bytes: 1,
                byte_limit: None,
                answer_p50_ms: None,
                answer_p95_ms: None,
                throttled_ms: Some(Millis(1)),
                unreachable: false,
                rationed: None,
                budget: Some(Budget {
                    limit: 2,
                    remaining: 1,
                    window_ms: None,
                }),
                upload_mode: UploadMode::Whole,
            },
            requests: RequestCounts {
                answered: vec![RequestCount {
                    method: "GET",
                    status: Some(200),
                    count: 1,
                }],
                answer_times: AnswerTimes {
                    buckets: vec![(1.0, 1), (f64::INFINITY, 0)],
                    sum: 0.1,
                },
                throttling_pauses: 1,
            },
        }]
    });
    sample.start(FIRST, 1);
    sample.plan(FIRST, &[("a", 10_000)]);
    sample.start_blob(FIRST, "a");
    (0..20).for_each(|step| sample.progress(FIRST, "a", step * 10));
    let now = sample.now();
    sample.batch.tick(now, &sample.board);
    let second = JobId(1);
    sample.start(second, 1);
    sample.retry(second, failure(Side::Source, transient()));
    let cause = failure(Side::Source, FailureClass::NotFound);
    sample.finish(second, Outcome::Failed { cause });
    sample.settle(FIRST, "a", 10_000, Settled::Copied);
    sample.finish(FIRST, copied());
    sample.apply(Event::BatchPaused);
    sample
}

/// The table as it should be.
fn table() -> String {
    let text = everything().metrics.text(Format::PrometheusText).unwrap();
    let mut rows =
        String::from("| name | type | labels | unit | meaning |\n|---|---|---|---|---|\n");
    let mut lines = text.lines().peekable();
    while let Some(help) = lines.next() {
        let help = help.strip_prefix("# HELP ").expect(help);
        let (name, meaning) = help.split_once(' ').unwrap();
        let kind = lines.next().unwrap();
        let kind = kind.strip_prefix(&format!("# TYPE {name} ")).expect(kind);
        let mut labels = BTreeSet::new();
        while let Some(sample) = lines.next_if(|line| !line.starts_with('#')) {
            assert!(sample.starts_with(name), "{sample}");
            labels.extend(label_names(sample));
        }
        labels.remove("le");
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        let (labels, unit) = (labels.join(", "), unit(name));
        rows += &format!("| `{name}` | {kind} | {labels} | {unit} | {meaning} |\n");
    }
    rows
}

fn label_names(sample: &str) -> Vec<&str> {
    let Some((_, labels)) = sample.split_once('{') else {
        return Vec::new();
    };
    let names = labels.split("=\"").map(|before| {
        let name = before.rsplit([',', '"']).next().unwrap_or_default();
        name.trim_start_matches('}')
    });
    // After the last value comes the value of the sample.
    let names: Vec<_> = names.collect();
    names[..names.len() - 1].to_vec()
}

fn unit(name: &str) -> &str {
    let name = name.trim_end_matches("_total");
    match name.rsplit_once('_').map(|(_, last)| last) {
        Some(unit @ ("seconds" | "bytes")) => unit,
        _ => "",
    }
}

#[test]
fn every_family_is_documented_as_it_is_exposed() {
    let table = table();
    assert!(table.contains("`transship_eta_seconds`"), "{table}");
    assert!(DOCUMENTED.contains(&table), "the table should be\n{table}");
}
