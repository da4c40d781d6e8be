//! The HTML page: well-formed, complete in itself, escaped, and readable by a browser also with 10,000 images.

use std::process::Command;

use jiff::Timestamp;
use transship::{
    batch::{
        Attempt, BatchId, Failure, FailureClass, Job, JobId, Millis, Outcome, Side, StateCounts,
    },
    journal::{BatchState, BatchSummary, Figures, Stored, StoredJob},
    oci::{CopySpec, Digest},
    present::Commands,
    report::{BatchReport, Format, render},
};

use super::{failed_first, report, tags::check_tags};

const HOSTILE: &str =
    "said <script>alert(1)</script> <img src=\"https://evil.example/x.png\"> ' & \x1b[2J\u{202e}";

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(1_795_271_400_000 + millis).unwrap()
}

/// An image of a batch that `seconds` are enough for; each 97th failed.
fn stored(number: u32) -> StoredJob {
    let failed = number.is_multiple_of(97);
    let size = 5_000_000 + u64::from(number % 1000) * 431_000;
    let busy = u64::from(number % 89) * 431 + 300;
    let outcome = match failed {
        true => Outcome::Failed {
            cause: Failure {
                side: Side::Destination,
                class: FailureClass::Rejected,
                summary: HOSTILE.into(),
                chain: vec!["hint: <b>ask</b> for the role".into()],
            },
        },
        false => Outcome::Copied {
            root: Digest::of(&number.to_le_bytes()),
        },
    };
    let source = format!(
        "registry{}.example/team/app-{number}:1.{number}",
        number % 3
    );
    let destination = format!("harbor.example.com/mirror/team/app-{number}:1.{number}");
    StoredJob {
        job: Job {
            id: JobId(number),
            spec: CopySpec::new(source.parse().unwrap(), destination.parse().unwrap()),
        },
        attempt: Attempt(1),
        outcome: Some(outcome),
        staged: None,
        figures: Some(Figures {
            started: Some(at(i64::from(number) * 250)),
            ended: Some(at(i64::from(number) * 250 + busy.cast_signed())),
            busy: Millis(busy),
            size: Some(size),
            copied: if failed { 0 } else { size / 2 },
            mounted: size / 4,
            present: if failed { 0 } else { size / 4 },
        }),
        verified: None,
    }
}

/// The page of a batch of so many images.
fn page(images: u32) -> String {
    let batch = BatchId("20261121-1430-prod-7f3a".into());
    let summary = BatchSummary {
        id: batch.clone(),
        list_path: "prod <b>.toml".into(),
        list_digest: Digest::of(b"list"),
        created: at(0),
        changed: at(i64::from(images) * 250 + 60_000),
        state: BatchState::Finished,
        jobs: StateCounts::default(),
        owner: None,
    };
    let stored = Stored {
        batch,
        list_path: "prod <b>.toml".into(),
        list_text: String::new(),
        settings: String::new(),
        jobs: (0..images).map(stored).collect(),
        settled: Vec::new(),
    };
    let report = BatchReport::new(&summary, stored, at(10_000_000), &Commands::default());
    render(&report, Format::Html).unwrap()
}

#[tokio::test]
async fn the_page_of_a_batch_is_well_formed_and_needs_nothing_from_elsewhere() {
    let fixture = failed_first().await;
    let page = report(&fixture, "html").await;
    check_tags(&page);
    assert!(page.contains("1 of 3 images failed"), "{page}");
    assert_eq!(page.matches("<td class=\"good\">copied</td>").count(), 2);
}

#[test]
fn text_of_others_is_text() {
    let page = page(300);
    check_tags(&page);
    let shown = "said &lt;script&gt;alert(1)&lt;/script&gt; &lt;img src=&quot;https://evil.example/x.png&quot;&gt;";
    assert!(page.contains(shown));
    assert!(page.contains("&lt;b&gt;ask&lt;/b&gt; for the role"));
    assert!(page.contains("<title>Image migration: prod &lt;b&gt;.toml</title>"));
    let steers = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!page.contains(steers));
}

#[test]
fn ten_thousand_images_open_in_a_browser() {
    let page = page(10_000);
    check_tags(&page);
    assert_eq!(page.matches("<tr>").count(), 10_000 + 4 + 2);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("report.html");
    std::fs::write(&file, &page).unwrap();
    let profile = directory.path().join("profile");
    let browser = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}", file.display()))
        .env("HOME", directory.path())
        .output();
    let Ok(browser) = browser else {
        eprintln!("chromium is not here: the page was not opened");
        return;
    };
    let dom = String::from_utf8(browser.stdout).unwrap();
    assert_eq!(dom.matches("<tr>").count(), 10_000 + 4 + 2, "{dom:.2000}");
    assert!(dom.contains("104 of 10000 images failed"), "{dom:.2000}");
}
