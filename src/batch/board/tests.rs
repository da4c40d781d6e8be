//! The board after events of all kinds.

use super::*;
use crate::batch::{
    Attempt, BlobKind, BlobProgress, Failure, Job, Millis, PlannedBlob, Settled, Side, SkipReason,
};
use crate::oci::CopySpec;

const JOB: JobId = JobId(0);
const OTHER: JobId = JobId(1);

fn listed(id: JobId) -> Event {
    Event::JobListed {
        job: Box::new(Job {
            id,
            spec: CopySpec::new(
                format!("a.example/app:{}", id.0).parse().unwrap(),
                format!("b.example/app:{}", id.0).parse().unwrap(),
            ),
        }),
    }
}

fn board(events: &[Event]) -> Board {
    let mut board = Board::default();
    for event in [listed(JOB), listed(OTHER)].iter().chain(events) {
        board.apply(event);
    }
    board
}

fn layer() -> Digest {
    Digest::of(b"layer")
}

fn started(attempt: u16) -> Event {
    Event::JobStarted {
        job: JOB,
        attempt: Attempt(attempt),
    }
}

#[test]
fn the_program_that_copies_an_image_is_that_of_its_last_attempt() {
    let selected = |method: &str| Event::MethodSelected {
        job: JOB,
        method: method.into(),
    };
    let board = board(&[selected("container"), selected("local")]);
    assert_eq!(board.job(JOB).unwrap().method.as_deref(), Some("local"));
    assert_eq!(board.job(OTHER).unwrap().method, None);
}

fn planned() -> Event {
    let blob = PlannedBlob {
        digest: layer(),
        size: 9,
        kind: BlobKind::Layer,
        media_type: None,
    };
    Event::JobPlanned {
        job: JOB,
        root: Digest::of(b"root"),
        manifests: Vec::new(),
        blobs: vec![blob],
        replaces: None,
    }
}

fn copying() -> Event {
    Event::BlobStarted {
        job: JOB,
        digest: layer(),
        offset: 0,
    }
}

fn progress(done: u64) -> Event {
    let blob = BlobProgress {
        job: JOB,
        attempt: Attempt(1),
        digest: layer(),
        done,
    };
    Event::Progress { blobs: vec![blob] }
}

fn settled(how: Settled) -> Event {
    Event::BlobSettled {
        job: JOB,
        digest: layer(),
        bytes: 9,
        how,
    }
}

fn retry_later() -> Event {
    let cause = Failure {
        side: Side::Source,
        class: FailureClass::Transient {
            retry_after_ms: None,
        },
        summary: "said 503".into(),
        chain: Vec::new(),
    };
    Event::JobRetryScheduled {
        job: JOB,
        attempt: Attempt(1),
        delay_ms: Millis(10),
        cause,
    }
}

#[test]
fn dropping_progress_changes_nothing_in_the_end() {
    let all = board(&[
        started(1),
        planned(),
        copying(),
        progress(3),
        progress(6),
        settled(Settled::Copied),
    ]);
    let some = board(&[
        started(1),
        planned(),
        copying(),
        progress(6),
        settled(Settled::Copied),
    ]);
    assert_eq!(all.job(JOB), some.job(JOB));
    assert_eq!(all.totals(), some.totals());
    assert_eq!((all.totals().copied, all.totals().in_flight), (9, 0));
}

#[test]
fn a_blob_settled_again_by_a_retry_counts_once() {
    let board = board(&[
        started(1),
        planned(),
        copying(),
        settled(Settled::Copied),
        started(2),
        planned(),
        settled(Settled::Present),
    ]);
    assert_eq!((board.totals().planned, board.totals().done), (9, 9));
}

#[test]
fn bytes_under_way_are_given_back_when_an_attempt_ends() {
    let board = board(&[started(1), planned(), copying(), progress(5), retry_later()]);
    assert_eq!((board.totals().done, board.totals().in_flight), (0, 0));
    assert_eq!(board.job(JOB).unwrap().blobs[0].state, BlobState::Pending);
}

#[test]
fn progress_of_a_given_up_attempt_is_ignored() {
    let board = board(&[
        started(1),
        planned(),
        retry_later(),
        started(2),
        copying(),
        progress(5),
    ]);
    assert_eq!(board.totals().in_flight, 0);
}

#[test]
fn a_prioritized_job_goes_first_and_keeps_its_rank_when_queued_again() {
    let mut board = board(&[Event::JobPrioritized { job: OTHER }]);
    assert_eq!(board.queue().collect::<Vec<_>>(), [OTHER, JOB]);
    board.apply(&Event::JobStarted {
        job: OTHER,
        attempt: Attempt(1),
    });
    board.apply(&Event::JobQueued {
        job: OTHER,
        why: QueueReason::RetryDue,
    });
    assert_eq!(board.queue().collect::<Vec<_>>(), [OTHER, JOB]);
}

#[test]
fn a_job_that_only_waits_for_others_is_held_up_until_its_turn() {
    let mut board = board(&[started(1), planned()]);
    assert_eq!(board.blocked(), 0);
    board.apply(&Event::BlobWaited {
        job: JOB,
        digest: layer(),
        owner: OTHER,
    });
    assert_eq!(board.blocked(), 1);
    board.apply(&copying());
    assert_eq!(board.blocked(), 0);
    board.apply(&Event::BlobWaited {
        job: JOB,
        digest: layer(),
        owner: OTHER,
    });
    board.apply(&retry_later());
    assert_eq!(board.blocked(), 0);
}

#[test]
fn counts_follow_every_state() {
    let mut board = board(&[started(1)]);
    assert_eq!((board.counts().queued, board.counts().running), (1, 1));
    board.apply(&Event::JobFinished {
        job: JOB,
        outcome: Outcome::UpToDate { root: layer() },
    });
    board.apply(&Event::JobFinished {
        job: OTHER,
        outcome: Outcome::Skipped {
            why: SkipReason::User,
        },
    });
    assert_eq!((board.counts().up_to_date, board.counts().skipped), (1, 1));
    assert!(board.all_done());
}

#[test]
fn events_about_unknown_jobs_change_nothing() {
    let mut board = board(&[]);
    board.apply(&Event::JobStarted {
        job: JobId(99),
        attempt: Attempt(1),
    });
    assert_eq!(board.counts().running, 0);
}

#[test]
fn events_read_back_what_they_write() {
    for event in [
        listed(JOB),
        planned(),
        progress(3),
        settled(Settled::Mounted {
            from: "a/b".parse().unwrap(),
        }),
        retry_later(),
    ] {
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(
            serde_json::from_str::<Event>(&text).unwrap(),
            event,
            "{text}"
        );
    }
}

fn queued(why: QueueReason) -> Event {
    Event::JobQueued { job: JOB, why }
}

fn surveyed() -> [Event; 4] {
    [
        Event::ReviewStarted,
        started(1),
        planned(),
        queued(QueueReason::Planned),
    ]
}

fn next(board: &Board) -> Vec<JobId> {
    board.queue().collect()
}

#[test]
fn a_surveyed_job_is_held_until_the_review_ends() {
    let mut board = board(&surveyed());
    assert_eq!(next(&board), [OTHER]);
    assert_eq!((board.planned(), board.without_preflight()), (1, 1));
    board.apply(&Event::JobPrioritized { job: JOB });
    assert_eq!(next(&board), [OTHER]);
    board.apply(&Event::ReviewEnded);
    assert_eq!(next(&board), [JOB, OTHER]);
    assert_eq!((board.planned(), board.is_reviewing()), (1, false));
    board.apply(&started(1));
    assert_eq!((board.planned(), board.without_preflight()), (0, 2));
}

#[test]
fn a_survey_gives_its_attempt_back_and_keeps_what_it_found() {
    let mut board = board(&surveyed());
    let view = board.job(JOB).unwrap();
    assert_eq!((view.attempt, view.tries()), (Attempt(0), 0));
    assert!(view.is_planned());
    board.apply(&Event::ReviewEnded);
    board.apply(&started(1));
    let view = board.job(JOB).unwrap();
    assert_eq!((view.preflight, view.blobs.len()), (Preflight::Done, 1));
}

#[test]
fn a_survey_that_was_cut_short_is_made_again() {
    for cut in [
        Event::JobRetryScheduled {
            job: JOB,
            attempt: Attempt(1),
            delay_ms: Millis(5),
            cause: Failure {
                side: Side::Source,
                class: FailureClass::Transient {
                    retry_after_ms: None,
                },
                summary: "said 503".into(),
                chain: Vec::new(),
            },
        },
        queued(QueueReason::Stopped),
    ] {
        let mut board = board(&[Event::ReviewStarted, started(1), planned(), cut]);
        assert_eq!(board.job(JOB).unwrap().preflight, Preflight::NotStarted);
        board.apply(&queued(QueueReason::RetryDue));
        assert_eq!(next(&board), [JOB, OTHER]);
    }
}

#[test]
fn a_skipped_job_comes_back_as_far_as_its_survey_was() {
    let skipped = Event::JobFinished {
        job: JOB,
        outcome: Outcome::Skipped {
            why: SkipReason::User,
        },
    };
    let mut board = board(&surveyed());
    board.apply(&skipped);
    assert_eq!((board.planned(), board.without_preflight()), (0, 1));
    board.apply(&queued(QueueReason::User));
    assert_eq!(next(&board), [OTHER]);
    assert_eq!(board.planned(), 1);
}

/// Every blob of a job with `count` of them, planned.
fn planned_many(job: JobId, count: u64) -> Event {
    let blob = |seed: u64| PlannedBlob {
        digest: Digest::of(&seed.to_be_bytes()),
        size: 1,
        kind: BlobKind::Layer,
        media_type: None,
    };
    Event::JobPlanned {
        replaces: None,
        job,
        root: Digest::of(b"root"),
        manifests: Vec::new(),
        blobs: (0..count).map(blob).collect(),
    }
}

fn settled_present(job: JobId, seed: u64) -> Event {
    Event::BlobSettled {
        job,
        digest: Digest::of(&seed.to_be_bytes()),
        bytes: 1,
        how: Settled::Present,
    }
}

#[test]
fn every_blob_of_a_large_job_is_found_and_stays_settled() {
    let mut board = board(&[started(1), planned_many(JOB, 1000)]);
    for seed in 0..999 {
        board.apply(&settled_present(JOB, seed));
    }
    assert_eq!(board.totals().present, 999);
    board.apply(&Event::BlobWaited {
        job: JOB,
        digest: Digest::of(&999_u64.to_be_bytes()),
        owner: OTHER,
    });
    assert_eq!(board.blocked(), 1);
    board.apply(&planned_many(JOB, 1000));
    assert_eq!(board.totals().present, 999);
    board.apply(&settled_present(JOB, 999));
    assert_eq!(board.blocked(), 0);
    assert_eq!(board.job(JOB).unwrap().bytes_done, 1000);
}

#[test]
fn what_ended_first_keeps_its_sums_when_there_are_too_many_blobs() {
    let most = detail_limit::MAX_BLOBS as u64;
    let root = Digest::of(b"root");
    let ended = |job| Event::JobFinished {
        job,
        outcome: Outcome::Copied { root: root.clone() },
    };
    let start = |job, attempt| Event::JobStarted {
        job,
        attempt: Attempt(attempt),
    };
    let mut board = board(&[
        start(JOB, 1),
        planned_many(JOB, most),
        settled_present(JOB, 0),
    ]);
    board.apply(&ended(JOB));
    board.apply(&start(OTHER, 1));
    board.apply(&planned_many(OTHER, 1));
    assert_eq!(board.job(JOB).unwrap().blobs.len(), detail_limit::MAX_BLOBS);
    board.apply(&ended(OTHER));
    let (first, last) = (board.job(JOB).unwrap(), board.job(OTHER).unwrap());
    assert!(first.blobs.is_empty() && first.is_sized());
    assert_eq!((first.bytes_total, first.bytes_done), (most, 1));
    assert_eq!(last.blobs.len(), 1);
    assert_eq!(
        (board.totals().planned, board.totals().present),
        (most + 1, 1)
    );
    // Taken up again, it is counted once.
    board.apply(&start(JOB, 2));
    board.apply(&planned_many(JOB, most));
    assert_eq!(
        (board.totals().planned, board.totals().present),
        (most + 1, 0)
    );
}
