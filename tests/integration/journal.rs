//! What the journal stores, on SQLite and on PostgreSQL.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
};

use jiff::Timestamp;
use transship::{
    batch::{
        Attempt, BatchId, Event, Failure, FailureClass, Job, JobId, Millis, Outcome, QueueReason,
        Settled, Side, SkipReason, StateCounts, StopReason,
    },
    journal::{
        BatchState, Figures, Journal, JournalError, JournalLocation, NewBatch, Obstacle, Recorder,
        SettledBlob, Verification,
    },
    oci::{
        Attachments, Compression, CopyEngine, CopySpec, Digest, ManifestFormat, OnExisting,
        RequiredKeys,
    },
};

use crate::postgres::Postgres;

const CHILD: &str = "journal::records_until_it_is_killed";
const CHILD_PLACE: &str = "TRANSSHIP_TEST_JOURNAL";

/// Runs each scenario on SQLite as a test of its own, and all of them on one PostgreSQL server.
macro_rules! on_both_databases {
    ($($scenario:ident)*) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $scenario() {
                let directory = tempfile::tempdir().unwrap();
                let place = directory.path().join("state").to_str().unwrap().parse().unwrap();
                super::$scenario(place).await;
            })*
        }

        #[tokio::test]
        async fn on_postgresql_it_is_the_same() {
            let Some(postgres) = Postgres::start() else {
                return;
            };
            $($scenario(postgres.database(stringify!($scenario))).await;)*
            a_connection_the_server_ends_is_replaced(postgres.database("replaced")).await;
            a_batch_taken_over_while_the_connection_was_lost_is_left(postgres.database("left")).await;
        }
    };
}

on_both_databases! {
    what_ended_is_restored_and_the_rest_is_queued_again
    a_retried_image_is_no_longer_failed
    a_batch_keeps_its_list_and_settings
    a_dropped_recorder_loses_at_most_what_was_not_flushed
    a_batch_is_held_by_one
    a_killed_process_loses_nothing_it_flushed_and_frees_its_batch
    batches_are_summed_up_newest_first
    a_batch_is_found_by_a_part_that_only_it_has
    a_deleted_batch_is_gone_and_the_others_stay
    a_batch_that_is_held_is_not_deleted
    a_journal_of_a_newer_version_is_refused
    times_and_bytes_of_an_image_add_up_over_runs
    a_comparison_is_kept_until_the_image_is_copied_again
    a_journal_of_the_first_version_is_brought_up_to_date
    a_journal_can_be_made_by_many_at_once
}

async fn what_ended_is_restored_and_the_rest_is_queued_again(place: JournalLocation) {
    let journal = Journal::open(place).await.unwrap();
    let recorder = journal.start(&list()).await.unwrap();
    list_jobs(&recorder, 6);
    let up_to_date = Outcome::UpToDate { root: digest("b") };
    let skipped = Outcome::Skipped {
        why: SkipReason::User,
    };
    finish(&recorder, 0, copied());
    finish(&recorder, 1, up_to_date.clone());
    finish(&recorder, 2, Outcome::Failed { cause: failure() });
    finish(&recorder, 3, skipped.clone());
    started(&recorder, 4, 2);
    started(&recorder, 5, 1);
    recorder.record(
        &Event::JobRetryScheduled {
            job: JobId(5),
            attempt: Attempt(1),
            delay_ms: Millis(1),
            cause: failure(),
        },
        at(0),
    );
    settle(&recorder, 4, "layer");
    let batch = recorder.batch().clone();
    recorder.close().await.unwrap();

    let (recorder, stored) = journal.resume(&batch).await.unwrap();
    let outcomes: Vec<_> = stored.jobs.iter().map(|job| job.outcome.clone()).collect();
    assert_eq!(
        outcomes,
        [
            Some(copied()),
            Some(up_to_date),
            Some(Outcome::Failed { cause: failure() }),
            Some(skipped),
            None,
            None
        ]
    );
    let jobs: Vec<_> = stored.jobs.iter().map(|job| job.job.clone()).collect();
    assert_eq!(jobs, (0..6).map(job).collect::<Vec<_>>());
    assert_eq!(stored.jobs[4].attempt, Attempt(2));
    let expected = SettledBlob {
        registry: "b.example".parse().unwrap(),
        repository: "team/app4".parse().unwrap(),
        digest: digest("layer"),
        size: 5,
    };
    assert_eq!(stored.settled, [expected]);
    let counts = journal.batches().await.unwrap()[0].jobs;
    assert_eq!((counts.queued, counts.running, counts.waiting), (2, 0, 0));
    recorder.close().await.unwrap();
}

async fn a_retried_image_is_no_longer_failed(place: JournalLocation) {
    let journal = Journal::open(place).await.unwrap();
    let recorder = journal.start(&list()).await.unwrap();
    list_jobs(&recorder, 1);
    finish(&recorder, 0, Outcome::Failed { cause: failure() });
    recorder.flush().await.unwrap();
    recorder.record(
        &Event::JobQueued {
            job: JobId(0),
            why: QueueReason::User,
        },
        at(0),
    );
    let batch = recorder.batch().clone();
    recorder.close().await.unwrap();
    let stored = journal.load(&batch).await.unwrap();
    assert_eq!(stored.jobs[0].outcome, None);
}

async fn a_batch_keeps_its_list_and_settings(place: JournalLocation) {
    let journal = Journal::open(place).await.unwrap();
    let recorder = journal.start(&list()).await.unwrap();
    let stored = journal.load(recorder.batch()).await.unwrap();
    assert_eq!(stored.list_path, list().list_path);
    assert_eq!(stored.list_text, list().list_text);
    assert_eq!(stored.settings, list().settings);
    assert_eq!(stored.jobs, []);
    recorder.close().await.unwrap();
}

async fn a_dropped_recorder_loses_at_most_what_was_not_flushed(place: JournalLocation) {
    let journal = Journal::open(place).await.unwrap();
    let recorder = journal.start(&list()).await.unwrap();
    list_jobs(&recorder, 200);
    (0..100).for_each(|job| finish(&recorder, job, copied()));
    recorder.flush().await.unwrap();
    (100..200).for_each(|job| finish(&recorder, job, copied()));
    let batch = recorder.batch().clone();
    drop(recorder);
    let stored = journal.load(&batch).await.unwrap();
    assert_eq!(stored.jobs.len(), 200);
    assert!(stored.jobs[..100].iter().all(|job| job.outcome.is_some()));
}

async fn a_batch_is_held_by_one(place: JournalLocation) {
    let journal = Journal::open(place).await.unwrap();
    let recorder = journal.start(&list()).await.unwrap();
    let batch = recorder.batch().clone();

    let refused = journal.resume(&batch).await.unwrap_err();
    let JournalError::Held { by: Some(by), .. } = &refused else {
        panic!("{refused:?}");
    };
    assert_eq!(by.pid, std::process::id());
    let sentence = format!("lock batch {batch}: process {} on {}", by.pid, by.host);
    assert!(refused.to_string().starts_with(&sentence), "{refused}");
    assert_eq!(journal.batches().await.unwrap()[0].owner.as_ref(), Some(by));
    // Listing needs no lock.
    journal.load(&batch).await.unwrap();

    recorder.close().await.unwrap();
    assert_eq!(journal.batches().await.unwrap()[0].owner, None);
    let (recorder, _) = journal.resume(&batch).await.unwrap();
    recorder.close().await.unwrap();
}

async fn a_killed_process_loses_nothing_it_flushed_and_frees_its_batch(place: JournalLocation) {
    let journal = Journal::open(place.clone()).await.unwrap();
    let address = match &place {
        JournalLocation::Directory(directory) => directory.display().to_string(),
        JournalLocation::Postgres(url) => url.to_string(),
    };
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", CHILD, "--ignored", "--nocapture"])
        .env(CHILD_PLACE, address)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "flushed 40"));

    let batch = journal.batches().await.unwrap().remove(0).id;
    let refused = journal.resume(&batch).await.unwrap_err();
    assert!(
        matches!(&refused, JournalError::Held { by: Some(by), .. } if by.pid == child.id()),
        "{refused:?}"
    );
    child.kill().unwrap();
    child.wait().unwrap();

    let summary = journal.batches().await.unwrap().remove(0);
    assert_eq!(summary.state, BatchState::Running);
    let mut resumed = journal.resume(&batch).await;
    // A server may see the end of its client a moment later than the client's parent does.
    let mut patience = 100;
    while matches!(resumed, Err(JournalError::Held { .. })) && patience > 0 {
        resumed = journal.resume(&batch).await;
        patience -= 1;
    }
    let (recorder, stored) = resumed.unwrap();
    assert_eq!(stored.jobs.len(), 1000);
    let done = |job: &transship::journal::StoredJob| job.outcome == Some(copied());
    assert!(stored.jobs[..=40].iter().all(done));
    assert!(stored.settled.len() > 40);
    recorder.close().await.unwrap();
}

/// The process that the test above kills.
#[tokio::test]
#[ignore = "a test that kills it runs it"]
async fn records_until_it_is_killed() {
    let Ok(place) = std::env::var(CHILD_PLACE) else {
        return;
    };
    let journal = Journal::open(place.parse().unwrap()).await.unwrap();
    let recorder = journal.start(&list()).await.unwrap();
    list_jobs(&recorder, 1000);
    // The test harness does not end its own line before a test's output.
    println!();
    for number in 0..1000 {
        started(&recorder, number, 1);
        settle(&recorder, number, "layer");
        finish(&recorder, number, copied());
        recorder.flush().await.unwrap();
        println!("flushed {number}");
        std::io::stdout().flush().unwrap();
    }
    std::future::pending::<()>().await;
}

async fn batches_are_summed_up_newest_first(place: JournalLocation) {
    let journal = Journal::open(place).await.unwrap();
    let mut ids = Vec::new();
    for stopped_by in [None, Some(StopReason::User)] {
        let recorder = journal.start(&list()).await.unwrap();
        list_jobs(&recorder, 4);
        finish(&recorder, 0, copied());
        finish(&recorder, 1, Outcome::Failed { cause: failure() });
        finish(&recorder, 2, kept());
        recorder.record(&Event::BatchFinished { stopped_by }, at(0));
        ids.push(recorder.batch().clone());
        recorder.close().await.unwrap();
    }
    let batches = journal.batches().await.unwrap();
    let listed: Vec<_> = batches
        .iter()
        .map(|batch| (&batch.id, batch.state))
        .collect();
    let expected = [
        (&ids[1], BatchState::Stopped),
        (&ids[0], BatchState::Finished),
    ];
    assert_eq!(listed, expected);
    let expected = StateCounts {
        queued: 1,
        copied: 1,
        failed: 1,
        kept: 1,
        ..StateCounts::default()
    };
    assert!(batches.iter().all(|batch| batch.jobs == expected));
    assert_eq!(
        batches[0].list_digest,
        Digest::of(list().list_text.as_bytes())
    );
}

async fn a_batch_is_found_by_a_part_that_only_it_has(place: JournalLocation) {
    let journal = Journal::open(place).await.unwrap();
    let mut ids = Vec::new();
    for name in ["lists/prod.toml", "lists/prod-eu.toml"] {
        let list = NewBatch {
            list_path: name.into(),
            ..list()
        };
        let recorder = journal.start(&list).await.unwrap();
        ids.push(recorder.batch().clone());
        recorder.close().await.unwrap();
    }
    assert_eq!(journal.find(&ids[0].0).await.unwrap(), ids[0]);
    assert_eq!(journal.find("prod-eu").await.unwrap(), ids[1]);
    let several = journal.find("prod").await.unwrap_err();
    let newest_first = format!("find one batch named prod: 2 match: {}, {}", ids[1], ids[0]);
    assert_eq!(several.to_string(), newest_first);
    let none = journal.find("staging").await.unwrap_err();
    assert!(matches!(none, JournalError::Unknown { .. }));
    let none = journal.resume(&BatchId("../x".into())).await.unwrap_err();
    assert!(matches!(none, JournalError::Unknown { .. }));
}

async fn a_deleted_batch_is_gone_and_the_others_stay(place: JournalLocation) {
    let journal = Journal::open(place).await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..2 {
        let recorder = journal.start(&list()).await.unwrap();
        list_jobs(&recorder, 2);
        settle(&recorder, 0, "base");
        finish(&recorder, 0, copied());
        ids.push(recorder.batch().clone());
        recorder.close().await.unwrap();
    }
    let kept = journal.load(&ids[1]).await.unwrap();
    journal.delete(&ids[0]).await.unwrap();
    journal.compact().await.unwrap();
    let left = journal.batches().await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(journal.load(&ids[1]).await.unwrap(), kept);
    for gone in [
        journal.load(&ids[0]).await.unwrap_err(),
        journal.resume(&ids[0]).await.unwrap_err(),
        journal.delete(&ids[0]).await.unwrap_err(),
    ] {
        assert!(matches!(gone, JournalError::Unknown { .. }), "{gone}");
    }
    journal.resume(&ids[1]).await.unwrap();
}

async fn a_batch_that_is_held_is_not_deleted(place: JournalLocation) {
    let journal = Journal::open(place).await.unwrap();
    let recorder = journal.start(&list()).await.unwrap();
    list_jobs(&recorder, 1);
    let held = journal.delete(recorder.batch()).await.unwrap_err();
    assert!(matches!(held, JournalError::Held { .. }), "{held}");
    finish(&recorder, 0, copied());
    let batch = recorder.batch().clone();
    recorder.close().await.unwrap();
    assert_eq!(journal.load(&batch).await.unwrap().jobs.len(), 1);
    journal.delete(&batch).await.unwrap();
}

/// Changes a journal without the program.
async fn change(place: &JournalLocation, statement: &'static str) {
    sqlx::any::install_default_drivers();
    let url = match place {
        JournalLocation::Directory(directory) => {
            format!("sqlite://{}/journal.sqlite3", directory.display())
        }
        JournalLocation::Postgres(url) => url.to_string(),
    };
    let mut connection = <sqlx::AnyConnection as sqlx::Connection>::connect(&url)
        .await
        .unwrap();
    sqlx::raw_sql(statement)
        .execute(&mut connection)
        .await
        .unwrap();
}

const END_OTHERS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                          WHERE pid <> pg_backend_pid() AND datname = current_database()";

async fn a_connection_the_server_ends_is_replaced(place: JournalLocation) {
    let journal = Journal::open(place.clone()).await.unwrap();
    let recorder = journal.start(&list()).await.unwrap();
    list_jobs(&recorder, 2);
    recorder.flush().await.unwrap();
    change(&place, END_OTHERS).await;
    finish(&recorder, 0, copied());
    recorder.flush().await.unwrap();
    let batch = recorder.batch().clone();
    let stored = journal.load(&batch).await.unwrap();
    assert_eq!(stored.jobs[0].outcome, Some(copied()));
    // It still has the lock.
    let refused = journal.resume(&batch).await.unwrap_err();
    assert!(matches!(refused, JournalError::Held { .. }), "{refused}");
    recorder.close().await.unwrap();
}

async fn a_batch_taken_over_while_the_connection_was_lost_is_left(place: JournalLocation) {
    let journal = Journal::open(place.clone()).await.unwrap();
    let recorder = journal.start(&list()).await.unwrap();
    list_jobs(&recorder, 2);
    recorder.flush().await.unwrap();
    change(&place, "UPDATE owners SET host = 'elsewhere'").await;
    change(&place, END_OTHERS).await;
    finish(&recorder, 0, copied());
    let lost = recorder.flush().await.unwrap_err();
    assert!(lost.to_string().contains("elsewhere"), "{lost}");
}

async fn a_journal_of_the_first_version_is_brought_up_to_date(place: JournalLocation) {
    let journal = Journal::open(place.clone()).await.unwrap();
    let recorder = journal.start(&list()).await.unwrap();
    let batch = recorder.batch().clone();
    list_jobs(&recorder, 1);
    recorder.close().await.unwrap();
    change(&place, "ALTER TABLE jobs DROP COLUMN attachments").await;
    change(&place, "ALTER TABLE jobs DROP COLUMN on_existing").await;
    change(&place, "ALTER TABLE jobs DROP COLUMN format").await;
    change(&place, "ALTER TABLE jobs DROP COLUMN compression").await;
    change(&place, "ALTER TABLE jobs DROP COLUMN engine").await;
    change(&place, "ALTER TABLE jobs DROP COLUMN require_signature").await;
    change(&place, "ALTER TABLE jobs DROP COLUMN figures").await;
    change(&place, "ALTER TABLE jobs DROP COLUMN verified").await;
    change(&place, "UPDATE jobs SET attempt = 1").await;
    change(&place, "ALTER TABLE jobs DROP COLUMN group_name").await;
    change(&place, "ALTER TABLE owners RENAME TO holders").await;
    change(&place, "UPDATE transship_schema SET version = 1").await;
    let journal = Journal::open(place).await.unwrap();
    let (recorder, stored) = journal.resume(&batch).await.unwrap();
    assert_eq!(stored.jobs[0].job.spec.attachments, Attachments::ALL);
    assert_eq!(stored.jobs[0].job.spec.on_existing, OnExisting::Replace);
    // What its first attempt moved is not known, so the sum over both is not either.
    assert_eq!(stored.jobs[0].figures, None);
    started(&recorder, 0, 2);
    finish(&recorder, 0, copied());
    recorder.close().await.unwrap();
    let stored = journal.load_jobs(&batch).await.unwrap();
    assert_eq!(stored.jobs[0].outcome, Some(copied()));
    assert_eq!(stored.jobs[0].figures, None);
}

async fn times_and_bytes_of_an_image_add_up_over_runs(place: JournalLocation) {
    let journal = Journal::open(place).await.unwrap();
    let recorder = journal.start(&list()).await.unwrap();
    let batch = recorder.batch().clone();
    list_jobs(&recorder, 2);
    started(&recorder, 0, 1);
    settle(&recorder, 0, "layer");
    recorder.record(
        &Event::JobQueued {
            job: JobId(0),
            why: QueueReason::Stopped,
        },
        at(3),
    );
    recorder.close().await.unwrap();
    let (recorder, _) = journal.resume(&batch).await.unwrap();
    let restarted = Event::JobStarted {
        job: JobId(0),
        attempt: Attempt(2),
    };
    recorder.record(&restarted, at(60));
    let ended = Event::JobFinished {
        job: JobId(0),
        outcome: copied(),
    };
    recorder.record(&ended, at(62));
    recorder.close().await.unwrap();
    let stored = journal.load_jobs(&batch).await.unwrap();
    let expected = Figures {
        started: Some(at(0)),
        ended: Some(at(62)),
        busy: Millis(5000),
        size: None,
        copied: 10,
        mounted: 0,
        present: 0,
    };
    assert_eq!(stored.jobs[0].figures, Some(expected));
    assert_eq!(stored.jobs[1].figures, None);
}

async fn a_comparison_is_kept_until_the_image_is_copied_again(place: JournalLocation) {
    let journal = Journal::open(place).await.unwrap();
    let recorder = journal.start(&list()).await.unwrap();
    let batch = recorder.batch().clone();
    list_jobs(&recorder, 3);
    (0..3).for_each(|job| finish(&recorder, job, copied()));
    let equal = Verification::new(at(70), "digests", Ok(Vec::new()));
    let different = Verification::new(at(70), "bytes", Ok(vec!["a layer is missing".into()]));
    let found = [(JobId(0), equal.clone()), (JobId(1), different.clone())];
    let held = journal.record_verifications(&batch, &found).await;
    assert!(matches!(held, Err(JournalError::Held { .. })), "{held:?}");
    recorder.close().await.unwrap();
    journal.record_verifications(&batch, &found).await.unwrap();
    let (recorder, stored) = journal.resume(&batch).await.unwrap();
    let kept: Vec<_> = stored.jobs.into_iter().map(|job| job.verified).collect();
    assert_eq!(kept, [Some(equal.clone()), Some(different), None]);
    started(&recorder, 1, 2);
    recorder.close().await.unwrap();
    let stored = journal.load_jobs(&batch).await.unwrap();
    let kept: Vec<_> = stored.jobs.into_iter().map(|job| job.verified).collect();
    assert_eq!(kept, [Some(equal), None, None]);
}

async fn a_journal_of_a_newer_version_is_refused(place: JournalLocation) {
    Journal::open(place.clone()).await.unwrap();
    change(&place, "UPDATE transship_schema SET version = 99").await;
    let refused = Journal::open(place).await.unwrap_err().to_string();
    assert!(refused.contains("schema 99, this one knows "), "{refused}");
}

/// Another program's transaction on a SQLite journal.
async fn lock(directory: &std::path::Path) -> sqlx::SqliteConnection {
    let url = format!("sqlite://{}/journal.sqlite3", directory.display());
    let mut connection = <sqlx::SqliteConnection as sqlx::Connection>::connect(&url)
        .await
        .unwrap();
    let begin = sqlx::raw_sql("BEGIN IMMEDIATE");
    begin.execute(&mut connection).await.unwrap();
    connection
}

#[tokio::test]
async fn a_locked_journal_can_be_read_and_writing_to_it_waits() {
    let directory = tempfile::tempdir().unwrap();
    let (told, mut hear) = tokio::sync::mpsc::unbounded_channel();
    let place = JournalLocation::Directory(directory.path().to_owned());
    let journal = Journal::at(place).on_wait(move |obstacle| told.send(obstacle).unwrap());
    let journal = journal.make().await.unwrap();
    let recorder = journal.start(&list()).await.unwrap();
    let batch = recorder.batch().clone();
    list_jobs(&recorder, 1);
    recorder.close().await.unwrap();
    let other = lock(directory.path()).await;
    let journal = journal.existing().await.unwrap().unwrap();
    assert_eq!(journal.batches().await.unwrap().len(), 1);
    let deleted = {
        let journal = journal.clone();
        tokio::spawn(async move { journal.delete(&batch).await })
    };
    assert_eq!(hear.recv().await, Some(Obstacle::Locked));
    drop(other);
    deleted.await.unwrap().unwrap();
    assert!(journal.batches().await.unwrap().is_empty());
}

#[tokio::test]
async fn looking_for_a_journal_makes_none() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    let found = Journal::at(JournalLocation::Directory(state.clone()))
        .existing()
        .await;
    assert!(found.unwrap().is_none());
    assert!(!state.exists());
}

async fn a_journal_can_be_made_by_many_at_once(place: JournalLocation) {
    let opening = (0..8).map(|_| tokio::spawn(Journal::open(place.clone())));
    for opened in opening.collect::<Vec<_>>() {
        opened.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_hundred_thousand_images_are_stored_and_counted() {
    let directory = tempfile::tempdir().unwrap();
    let place = JournalLocation::Directory(directory.path().to_owned());
    let journal = Journal::open(place).await.unwrap();
    let recorder = journal.start(&list()).await.unwrap();
    let batch = recorder.batch().clone();
    list_jobs(&recorder, 100_000);
    recorder.flush().await.unwrap();
    (0..100_000).for_each(|job| finish(&recorder, job, copied()));
    recorder.close().await.unwrap();
    assert_eq!(journal.batches().await.unwrap()[0].jobs.copied, 100_000);
    let (recorder, stored) = journal.resume(&batch).await.unwrap();
    assert_eq!(stored.jobs.len(), 100_000);
    recorder.close().await.unwrap();
}

#[cfg(unix)]
fn mode(path: &std::path::Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;

    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[cfg(unix)]
#[tokio::test]
async fn only_this_user_can_look_into_the_state_directory() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    Journal::open(JournalLocation::Directory(state.clone()))
        .await
        .unwrap();
    assert_eq!(mode(&state), 0o700);
}

#[cfg(unix)]
#[tokio::test]
async fn only_this_user_can_read_the_journal_in_a_directory_that_others_can_enter() {
    use std::os::unix::fs::PermissionsExt as _;

    let directory = tempfile::tempdir().unwrap();
    let set = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    set(directory.path(), 0o755);
    let place = JournalLocation::Directory(directory.path().to_owned());
    let open = async || {
        let journal = Journal::open(place.clone()).await.unwrap();
        let recorder = journal.start(&list()).await.unwrap();
        list_jobs(&recorder, 1);
        recorder.flush().await.unwrap();
        recorder
    };
    let files = || {
        let mut found = Vec::new();
        for directory in [directory.path().to_owned(), directory.path().join("locks")] {
            for entry in std::fs::read_dir(directory).unwrap() {
                found.push(entry.unwrap().path());
            }
        }
        found
    };
    let recorder = open().await;
    // The journal, what SQLite keeps beside it, both locks, and their directory.
    assert_eq!(files().len(), 6, "{:?}", files());
    assert!(
        files().iter().all(|file| mode(file) & 0o077 == 0),
        "{:?}",
        files()
    );
    assert_eq!(mode(directory.path()), 0o755, "the directory is not ours");

    // As an earlier version, or a copy, left them.
    files().iter().for_each(|file| set(file, 0o755));
    let second = open().await;
    let journal = |file: &std::path::PathBuf| file.to_string_lossy().contains("journal.sqlite3");
    let ours: Vec<_> = files().into_iter().filter(journal).collect();
    assert_eq!(ours.len(), 3);
    assert!(ours.iter().all(|file| mode(file) & 0o077 == 0), "{ours:?}");
    second.close().await.unwrap();
    recorder.close().await.unwrap();
}

fn list() -> NewBatch {
    NewBatch {
        list_path: "lists/prod.toml".into(),
        list_text: "version = 1\n# größer\n".into(),
        settings: r#"{"parallel":4}"#.into(),
    }
}

fn job(number: u32) -> Job {
    Job {
        id: JobId(number),
        spec: CopySpec {
            source: format!("a.example/team/app{number}:1").parse().unwrap(),
            destination: format!("b.example/team/app{number}:1").parse().unwrap(),
            platforms: vec!["linux/arm64/v8".parse().unwrap()],
            attachments: Attachments {
                cosign_tags: false,
                ..Attachments::ALL
            },
            on_existing: OnExisting::Keep,
            format: Some(ManifestFormat::Oci),
            compression: Some(Compression::Zstd),
            engine: match number {
                3 => CopyEngine::Skopeo,
                _ => CopyEngine::Native,
            },
            group: (number == 2).then(|| "release-42".parse().unwrap()),
            require_signature: match number {
                3 => RequiredKeys::default(),
                _ => std::iter::once("/keys/cosign.pub".into()).collect(),
            },
        },
    }
}

fn kept() -> Outcome {
    let there = Digest::of(b"there before");
    let why = SkipReason::Kept { there };
    Outcome::Skipped { why }
}

fn list_jobs(recorder: &Recorder, jobs: u32) {
    recorder.record(
        &Event::BatchStarted {
            batch: recorder.batch().clone(),
            list: "prod.toml".into(),
            jobs,
            parallel: 4,
            resumed: false,
        },
        at(0),
    );
    for number in 0..jobs {
        recorder.record(
            &Event::JobListed {
                job: Box::new(job(number)),
            },
            at(0),
        );
    }
}

/// Seconds after the batch began.
fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_271_400 + second).unwrap()
}

fn started(recorder: &Recorder, job: u32, attempt: u16) {
    recorder.record(
        &Event::JobStarted {
            job: JobId(job),
            attempt: Attempt(attempt),
        },
        at(0),
    );
}

fn finish(recorder: &Recorder, job: u32, outcome: Outcome) {
    recorder.record(
        &Event::JobFinished {
            job: JobId(job),
            outcome,
        },
        at(0),
    );
}

fn settle(recorder: &Recorder, job: u32, content: &str) {
    // Twice, as a retry does.
    for _ in 0..2 {
        recorder.record(
            &Event::BlobSettled {
                job: JobId(job),
                digest: digest(content),
                bytes: 5,
                how: Settled::Copied,
            },
            at(0),
        );
    }
}

fn copied() -> Outcome {
    Outcome::Copied { root: digest("a") }
}

fn digest(content: &str) -> Digest {
    Digest::of(content.as_bytes())
}

fn failure() -> Failure {
    Failure {
        side: Side::Destination,
        class: FailureClass::Transient {
            retry_after_ms: Some(Millis(9)),
        },
        summary: "said 503".into(),
        chain: vec!["copy".into(), "said \u{0}503".into()],
    }
}
