//! The recorder on real SQLite files: full disks, locks, and how often it commits.

use super::*;
use crate::{
    batch::{Job, JobId, Outcome},
    journal::{Journal, JournalLocation},
    oci::{CopySpec, Digest},
};

/// A recorder on a new SQLite file whose connection was prepared with `settings`.
async fn recorder(directory: &tempfile::TempDir, settings: &'static str) -> Recorder {
    let location = JournalLocation::Directory(directory.path().to_owned());
    Journal::open(location.clone()).await.unwrap();
    let mut connection = location.connect().await.unwrap();
    sqlx::raw_sql(settings)
        .execute(&mut connection)
        .await
        .unwrap();
    let batch = BatchId("b".into());
    Recorder::start(
        location,
        connection,
        BatchLock::Connection,
        batch,
        PendingChanges::default(),
    )
}

fn list(recorder: &Recorder, jobs: u32) {
    for number in 0..jobs {
        let reference = format!("a.example/app{number}:1").parse().unwrap();
        recorder.record(
            &Event::JobListed {
                job: Box::new(Job {
                    id: JobId(number),
                    spec: CopySpec::new(
                        reference,
                        format!("b.example/app{number}:1").parse().unwrap(),
                    ),
                }),
            },
            Timestamp::UNIX_EPOCH,
        );
    }
}

#[tokio::test]
async fn a_full_disk_is_reported_and_nothing_blocks_on_it() {
    let directory = tempfile::tempdir().unwrap();
    let recorder = recorder(&directory, "PRAGMA max_page_count = 20").await;
    list(&recorder, 5000);
    let lost = recorder.lost().await;
    let JournalError::Write(cause) = &lost else {
        panic!("{lost:?}");
    };
    assert!(cause.to_string().contains("full"), "{cause}");
    list(&recorder, 5000);
    assert!(matches!(
        recorder.flush().await,
        Err(JournalError::Write(_))
    ));
    assert!(matches!(
        recorder.close().await,
        Err(JournalError::Write(_))
    ));
}

/// Another program that writes the journal, and is not done.
async fn lock(directory: &tempfile::TempDir) -> AnyConnection {
    let location = JournalLocation::Directory(directory.path().to_owned());
    let mut connection = location.connect().await.unwrap();
    let begin = sqlx::raw_sql("BEGIN IMMEDIATE");
    begin.execute(&mut connection).await.unwrap();
    connection
}

#[tokio::test(start_paused = true)]
async fn a_locked_journal_is_waited_for_and_what_came_meanwhile_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let recorder = recorder(&directory, "PRAGMA busy_timeout = 0").await;
    let mut other = lock(&directory).await;
    let mut waits = recorder.waits();
    list(&recorder, 10);
    assert_eq!(waits.next().await, Some(Obstacle::Locked));
    recorder.record(
        &Event::JobFinished {
            job: JobId(0),
            outcome: Outcome::Copied {
                root: Digest::of(b"root"),
            },
        },
        Timestamp::UNIX_EPOCH,
    );
    let commit = sqlx::raw_sql("COMMIT");
    commit.execute(&mut other).await.unwrap();
    assert_eq!(waits.next().await, None);
    recorder.flush().await.unwrap();
    let rows = "SELECT count(*) FROM jobs GROUP BY state ORDER BY state";
    let rows: Vec<i64> = sqlx::query_scalar(rows)
        .fetch_all(&mut other)
        .await
        .unwrap();
    assert_eq!(rows, [1, 9]);
    recorder.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_stays_locked_is_lost_with_its_whole_cause() {
    let directory = tempfile::tempdir().unwrap();
    let recorder = recorder(&directory, "PRAGMA busy_timeout = 0").await;
    let _other = lock(&directory).await;
    list(&recorder, 10);
    let lost = recorder.lost().await;
    let chain = lost.chain();
    assert!(
        chain.starts_with("use the journal within 600 s: "),
        "{chain}"
    );
    assert!(chain.contains("write the journal: "), "{chain}");
    assert!(chain.contains("database is locked"), "{chain}");
}

#[tokio::test(start_paused = true)]
async fn what_is_recorded_becomes_durable_without_asking() {
    let directory = tempfile::tempdir().unwrap();
    let recorder = recorder(&directory, "").await;
    let mut written = recorder.written.clone();
    for number in 1..4 {
        list(&recorder, number);
        written.changed().await.unwrap();
    }
    assert_eq!(written.borrow().upto, 6);
    recorder.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn many_events_need_few_commits() {
    let directory = tempfile::tempdir().unwrap();
    let recorder = recorder(&directory, "").await;
    list(&recorder, 1000);
    let mut written = recorder.written.clone();
    recorder.flush().await.unwrap();
    written.mark_unchanged();
    let mut commits = 0;
    for number in 0..1000 {
        recorder.record(
            &Event::JobFinished {
                job: JobId(number),
                outcome: Outcome::Copied {
                    root: Digest::of(b"root"),
                },
            },
            Timestamp::UNIX_EPOCH,
        );
        tokio::task::yield_now().await;
        commits += u32::from(written.has_changed().unwrap());
        written.mark_unchanged();
    }
    recorder.close().await.unwrap();
    // The clock stands still while this test is busy, so the time between two commits never ends.
    assert!(commits <= 1, "{commits} commits");
}
