//! What each format says about a batch with a failure, an old batch, and one that runs.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use sqlx::Connection as _;
use transship::{
    batch::{Event, Job, JobId},
    journal::{Journal, JournalLocation, NewBatch},
    oci::CopySpec,
};

use super::{failed_first, report};
use crate::{fixture::Fixture, operator::pasteable};

/// The cells of each row by column.
fn rows(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(Result::unwrap).collect()
}

async fn json(fixture: &Fixture) -> Value {
    serde_json::from_str(&report(fixture, "json").await).unwrap()
}

#[tokio::test]
async fn every_image_is_a_row_with_its_figures_or_its_failure() {
    let fixture = failed_first().await;
    let text = report(&fixture, "csv").await;
    let rows = rows(&text);
    assert_eq!(rows.len(), 3);
    let [failed, copied, _] = &rows[..] else {
        panic!("{text}");
    };
    assert_eq!(failed["state"], "failed");
    assert_eq!(failed["failed_side"], "source");
    assert!(failed["failure"].contains("404"), "{failed:?}");
    assert!(!failed["remedy"].is_empty(), "{failed:?}");
    assert_eq!(copied["state"], "copied");
    let source = format!("{}/team/second:1", fixture.source.address());
    assert_eq!(copied["source"], source);
    assert_eq!(copied["size_bytes"], copied["copied_bytes"]);
    assert!(
        copied["copied_bytes"].parse::<u64>().unwrap() > 50_000,
        "{copied:?}"
    );
    assert_eq!(
        (&*copied["mounted_bytes"], &*copied["present_bytes"]),
        ("0", "0")
    );
    assert_eq!(copied["attempts"], "1");
    assert!(copied["digest"].starts_with("sha256:"), "{copied:?}");
    let time = |name: &str| copied[name].parse::<Timestamp>().unwrap();
    assert!(time("started") <= time("ended"), "{copied:?}");
    assert_eq!((&*copied["failure"], &*copied["verified"]), ("", ""));
}

#[tokio::test]
async fn a_program_gets_totals_causes_and_the_next_command() {
    let fixture = failed_first().await;
    let report = json(&fixture).await;
    assert_eq!(report["v"], 1);
    assert_eq!(report["state"], "ended");
    assert_eq!(
        (&report["images"]["copied"], &report["images"]["failed"]),
        (&2.into(), &1.into())
    );
    let sum: u64 = (report["details"].as_array().unwrap().iter())
        .map(|image| image["copied"].as_u64().unwrap())
        .sum();
    assert_eq!(report["bytes"]["copied"], sum);
    let spread: u64 = (report["timeline"]["copied"].as_array().unwrap().iter())
        .map(|bytes| bytes.as_u64().unwrap())
        .sum();
    assert_eq!(spread, sum);
    assert_eq!(report["failures"][0]["images"], serde_json::json!([0]));
    assert_eq!(report["failures"][0]["side"], "source");
    let stores = report["stores"].as_array().unwrap();
    assert_eq!(stores.len(), 2);
    assert_eq!(
        (&stores[0]["role"], &stores[0]["failed"]),
        (&"source".into(), &1.into())
    );
    let next = report["next"].as_str().unwrap();
    assert!(next.ends_with(" --retry-failed"), "{next}");
    assert_eq!(pasteable(&format!("`{next}`")).len(), 1);
}

#[tokio::test]
async fn a_ticket_gets_the_result_the_failures_and_all_images() {
    let fixture = failed_first().await;
    let text = report(&fixture, "md").await;
    let (source, destination) = (fixture.source.address(), fixture.destination.address());
    let headline = format!("**1 of 3 images failed** from {source} to {destination}.");
    assert!(text.contains(&headline), "{text}");
    assert!(text.contains("## Failures\n\n- **source "), "{text}");
    let images = text.split("## All images").nth(1).unwrap();
    assert_eq!(images.matches("| copied | `sha256:").count(), 2, "{text}");
    assert!(images.contains("/team/first:1 |"), "{text}");
}

#[tokio::test]
async fn figures_that_an_older_version_did_not_keep_are_unknown() {
    let fixture = failed_first().await;
    let file = fixture.operator.path("state/journal.sqlite3");
    sqlx::any::install_default_drivers();
    let url = format!("sqlite://{}", file.display());
    let mut journal = sqlx::AnyConnection::connect(&url).await.unwrap();
    let forget = sqlx::raw_sql("UPDATE jobs SET figures = NULL");
    forget.execute(&mut journal).await.unwrap();
    journal.close().await.unwrap();
    for row in rows(&report(&fixture, "csv").await) {
        for column in [
            "size_bytes",
            "copied_bytes",
            "present_bytes",
            "duration_seconds",
        ] {
            assert_eq!(row[column], "", "{column}");
        }
    }
    let report_json = json(&fixture).await;
    for name in ["bytes", "timeline", "bytes_per_second"] {
        assert_eq!(report_json[name], Value::Null, "{name}");
    }
    assert_eq!(report_json["images"]["copied"], 2);
    let text = report(&fixture, "md").await;
    assert!(text.contains("| Bytes copied | – |"), "{text}");
    assert!(report(&fixture, "html").await.contains("<dd>–</dd>"));
}

#[tokio::test]
async fn a_batch_that_runs_is_reported_as_running() {
    let fixture = Fixture::new().await;
    let place = JournalLocation::directory(fixture.operator.path("state")).unwrap();
    let journal = Journal::open(place).await.unwrap();
    let list = NewBatch {
        list_path: "prod.toml".into(),
        list_text: "password = \"s3cret\"".into(),
        settings: "s3cret".into(),
    };
    let recorder = journal.start(&list).await.unwrap();
    let reference = "a.example/app:1".parse().unwrap();
    let job = Job {
        id: JobId(0),
        spec: CopySpec::new(reference, "b.example/app:1".parse().unwrap()),
    };
    let started = Event::BatchStarted {
        batch: recorder.batch().clone(),
        list: "prod.toml".into(),
        jobs: 1,
        parallel: 1,
        resumed: false,
    };
    recorder.record(&started, Timestamp::now());
    recorder.record(&Event::JobListed { job: Box::new(job) }, Timestamp::now());
    recorder.flush().await.unwrap();
    for format in ["html", "md", "csv", "json"] {
        let text = report(&fixture, format).await;
        assert!(!text.contains("s3cret"), "{text}");
    }
    let text = report(&fixture, "md").await;
    assert!(text.contains("**Still running: 0 of 1 done**"), "{text}");
    assert_eq!(json(&fixture).await["state"], "running");
    recorder.close().await.unwrap();
}

#[tokio::test]
async fn a_comparison_of_the_batch_is_in_its_report() {
    let fixture = failed_first().await;
    let batch = json(&fixture).await["batch"].as_str().unwrap().to_owned();
    fixture.operator.say(&["verify", &batch]).await.expect(1);
    let rows = rows(&report(&fixture, "csv").await);
    let verified: Vec<&str> = rows.iter().map(|row| &*row["verified"]).collect();
    assert_eq!(verified[1..], ["equal", "equal"]);
    assert_ne!(verified[0], "equal");
    assert!(!verified[0].is_empty());
}

#[tokio::test]
async fn a_file_is_replaced_by_a_whole_report_in_the_format_of_its_ending() {
    let fixture = failed_first().await;
    let file = fixture.operator.path("report.csv");
    std::fs::write(&file, "before").unwrap();
    let written = ["report", "--output", "report.csv"];
    let mut command = fixture.operator.command(&written);
    let ended = command
        .current_dir(fixture.operator.path("."))
        .output()
        .await;
    let ended = crate::operator::Ended::from(ended.unwrap());
    ended.expect(0);
    assert_eq!(ended.stdout, "");
    assert_eq!(rows(&std::fs::read_to_string(&file).unwrap()).len(), 3);
    let unknown = fixture.operator.say(&["report", "-o", "report.pdf"]).await;
    let stderr = &unknown.expect(2).stderr;
    assert!(stderr.contains("use .html, .md, .csv or .json"), "{stderr}");
    let none = fixture.operator.say(&["report", "nosuchbatch"]).await;
    none.expect(2);
}
