//! The board, told what happened and asked what it holds.

use super::*;
use crate::batch::{
    Attempt, BlobKind, BlobProgress, Failure, Job, Millis, PlannedBlob, Settled, Side, SkipReason,
};

const JOB: JobId = JobId(0);
const OTHER: JobId = JobId(1);

fn listed(id: JobId) -> Event {
    Event::JobListed {
        job: Job {
            id,
            source: format!("a.example/app:{}", id.0).parse().unwrap(),
            destination: format!("b.example/app:{}", id.0).parse().unwrap(),
            platforms: Vec::new(),
            attachments: Default::default(),
        },
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
    assert_eq!(board.held_up(), 0);
    board.apply(&Event::BlobWaited {
        job: JOB,
        digest: layer(),
        owner: OTHER,
    });
    assert_eq!(board.held_up(), 1);
    board.apply(&copying());
    assert_eq!(board.held_up(), 0);
    board.apply(&Event::BlobWaited {
        job: JOB,
        digest: layer(),
        owner: OTHER,
    });
    board.apply(&retry_later());
    assert_eq!(board.held_up(), 0);
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
