use std::time::Duration;

use super::{
    retry_policy::{MAX_DEFERRALS, MAX_DEFERRED},
    *,
};
use crate::{
    batch::{BatchId, BlobKind, Job, PlannedBlob, RegistryStatus, Side, UploadMode},
    oci::{CopySpec, Digest},
};
use proptest::prelude::*;

const J: JobId = JobId(0);
const K: JobId = JobId(1);
const L: JobId = JobId(2);

fn board(events: &[Event]) -> Board {
    let mut board = Board::default();
    board.apply(&Event::BatchStarted {
        batch: BatchId("b".into()),
        list: "list.toml".into(),
        jobs: 3,
        parallel: 2,
        resumed: false,
    });
    for id in [J, K, L] {
        let reference = |side: &str| format!("{side}.example/app:{}", id.0).parse().unwrap();
        let (source, destination) = (reference("a"), reference("b"));
        board.apply(&Event::JobListed {
            job: Box::new(Job {
                id,
                spec: CopySpec::new(source, destination),
            }),
        });
    }
    events.iter().for_each(|event| board.apply(event));
    board
}

fn started(job: JobId, attempt: u16) -> Event {
    Event::JobStarted {
        job,
        attempt: Attempt(attempt),
    }
}

fn failed(class: FailureClass) -> Outcome {
    Outcome::Failed {
        cause: Failure {
            side: Side::Source,
            class,
            summary: "said 503".into(),
            chain: Vec::new(),
        },
    }
}

fn transient(retry_after_ms: Option<u64>) -> Outcome {
    failed(FailureClass::Transient {
        retry_after_ms: retry_after_ms.map(Millis),
    })
}

fn policy() -> RetryPolicy {
    RetryPolicy {
        attempts: 3,
        base_delay: Duration::from_secs(1),
        longest_delay: Duration::from_secs(60),
    }
}

fn command(board: &Board, command: Command) -> Vec<Decision> {
    decide(board, Input::Command(command), &policy())
}

fn only(job: JobId) -> Selection {
    Selection::Jobs([job].into())
}

fn carry_out(board: &mut Board, decisions: Vec<Decision>) {
    for decision in decisions {
        if let Decision::Emit(event) = decision {
            board.apply(&event);
        }
    }
}

fn wake(decisions: &[Decision]) -> Option<Duration> {
    decisions.iter().find_map(|decision| match decision {
        Decision::WakeAt(_, _, delay) => Some(*delay),
        _ => None,
    })
}

#[test]
fn a_transient_failure_waits_and_doubles_the_delay() {
    let ended = |attempt| {
        let board = board(&[started(J, attempt)]);
        decide(
            &board,
            Input::Ended(J, Attempt(attempt), transient(None)),
            &policy(),
        )
    };
    assert_eq!(wake(&ended(1)), Some(Duration::from_secs(1)));
    assert_eq!(wake(&ended(2)), Some(Duration::from_secs(2)));
}

#[test]
fn a_registry_that_names_a_time_is_not_asked_earlier() {
    let board = board(&[started(J, 1)]);
    let decisions = decide(
        &board,
        Input::Ended(J, Attempt(1), transient(Some(90_000))),
        &policy(),
    );
    assert_eq!(wake(&decisions), Some(Duration::from_secs(90)));
}

#[test]
fn an_attempt_that_a_registry_put_off_is_not_counted_but_ends_some_day() {
    let mut board = board(&[]);
    let mut attempts = 0;
    loop {
        attempts += 1;
        board.apply(&started(J, attempts));
        let asked = Some(60_000).filter(|_| attempts != 2);
        let decisions = decide(
            &board,
            Input::Ended(J, Attempt(attempts), transient(asked)),
            &policy(),
        );
        if wake(&decisions).is_none() {
            break;
        }
        carry_out(&mut board, decisions);
    }
    // Those put off, the second, which was not, and the last.
    assert_eq!(attempts, MAX_DEFERRALS + 2);
    assert_eq!(board.job(J).unwrap().tries(), 2);
}

/// Attempts until the image fails, and how long it waits between them, when they end as `asked` says: by a failure, or
/// put off for so many milliseconds.
fn attempts_until_failed(asked: impl IntoIterator<Item = Option<u64>>) -> (u16, Duration) {
    let mut board = board(&[]);
    let (mut attempts, mut waited) = (0, Duration::ZERO);
    for asked in asked {
        attempts += 1;
        board.apply(&started(J, attempts));
        let ended = Input::Ended(J, Attempt(attempts), transient(asked));
        let decisions = decide(&board, ended, &policy());
        let Some(delay) = wake(&decisions) else {
            return (attempts, waited);
        };
        waited += delay;
        carry_out(&mut board, decisions);
    }
    panic!("the image is tried for ever");
}

#[test]
fn an_image_deferred_again_and_again_fails_within_two_days() {
    let day = 24 * 60 * 60 * 1000;
    let hourly = std::iter::repeat(Some(day / 24));
    assert_eq!(attempts_until_failed(hourly).1, MAX_DEFERRED);
    // The last wait that is asked for is not shortened.
    let (attempts, waited) = attempts_until_failed([Some(day - 1000), Some(day), Some(1)]);
    assert_eq!((attempts, waited.as_secs()), (3, 2 * day / 1000 - 1));
}

#[test]
fn the_bounds_are_written_down() {
    let page = include_str!("../../../assets/retries.md");
    let hours = MAX_DEFERRED.as_secs() / 3600;
    let bounds = format!("{MAX_DEFERRALS} deferrals, or {hours} h in all");
    assert!(page.contains(&bounds), "{bounds}");
}

#[test]
fn a_retry_by_the_operator_may_be_deferred_as_often_again() {
    let mut board = board(&[]);
    let put_off = |board: &mut Board, attempt| {
        board.apply(&started(J, attempt));
        let ended = Input::Ended(J, Attempt(attempt), transient(Some(1000)));
        let decisions = decide(board, ended, &policy());
        let goes_on = wake(&decisions).is_some();
        carry_out(board, decisions);
        goes_on
    };
    let failed = (1..).find(|attempt| !put_off(&mut board, *attempt));
    let retry = command(&board, Command::Retry { jobs: only(J) });
    carry_out(&mut board, retry);
    assert!(put_off(&mut board, failed.unwrap() + 1));
}

proptest! {
    #[test]
    fn any_sequence_of_failures_ends_in_time(
        asked in proptest::collection::vec(proptest::option::weighted(0.9, 0..=86_400_000u64), 200)
    ) {
        let (attempts, waited) = attempts_until_failed(asked);
        prop_assert!(attempts <= MAX_DEFERRALS + policy().attempts);
        let counted = policy().longest_delay * 2 * attempts.into();
        prop_assert!(waited <= MAX_DEFERRED * 2 + counted);
    }
}

fn throttled(registry: &str, throttled_ms: Option<u64>) -> Event {
    Event::RegistriesSampled {
        registries: vec![RegistryStatus {
            registry: registry.parse().unwrap(),
            streams: 0,
            stream_limit: 4,
            stream_ceiling: 8,
            requests: 1,
            request_rate: 0,
            request_limit: None,
            bytes: 0,
            byte_limit: None,
            answer_p50_ms: None,
            answer_p95_ms: None,
            throttled_ms: throttled_ms.map(Millis),
            unreachable: false,
            rationed: None,
            budget: None,
            upload_mode: UploadMode::Whole,
        }],
    }
}

#[test]
fn a_registry_that_throttles_holds_back_its_own_images_only() {
    let mut board = board(&[]);
    let reference = |text: &str| text.parse().unwrap();
    board.apply(&Event::JobListed {
        job: Box::new(Job {
            id: JobId(3),
            spec: CopySpec::new(reference("c.example/app:3"), reference("d.example/app:3")),
        }),
    });
    board.apply(&throttled("a.example", Some(60_000)));
    assert_eq!(admit(&board), [JobId(3)]);
    board.apply(&throttled("a.example", None));
    assert_eq!(admit(&board), [J, K]);
}

#[test]
fn a_limit_is_set_at_a_registry_of_the_batch_and_nowhere_else() {
    let board = board(&[]);
    let set = |registry: &str, limit| {
        let registry = registry.parse().unwrap();
        command(&board, Command::SetLimit { registry, limit })
    };
    let decisions = set("a.example", RegistryLimit::Streams(2));
    assert!(matches!(
        decisions[..],
        [
            Decision::SetLimit(..),
            Decision::Emit(Event::LimitChanged { .. })
        ]
    ));
    for refused in [
        set("elsewhere.example", RegistryLimit::Streams(2)),
        set("a.example", RegistryLimit::BytesPerSecond(Some(0))),
    ] {
        assert!(matches!(
            refused[..],
            [Decision::Emit(Event::CommandRefused { .. })]
        ));
    }
}

#[test]
fn images_that_failed_together_come_back_apart() {
    let board = board(&[started(K, 1), started(L, 1)]);
    let wait = |job| {
        wake(&decide(
            &board,
            Input::Ended(job, Attempt(1), transient(None)),
            &policy(),
        ))
    };
    assert_ne!(wait(K), wait(L));
}

#[test]
fn the_last_attempt_fails_the_job() {
    let board = board(&[started(J, 3)]);
    let decisions = decide(
        &board,
        Input::Ended(J, Attempt(3), transient(None)),
        &policy(),
    );
    assert!(matches!(
        decisions[..],
        [Decision::Emit(Event::JobFinished {
            outcome: Outcome::Failed { .. },
            ..
        })]
    ));
}

#[test]
fn only_transient_failures_are_tried_again() {
    for class in [
        FailureClass::Auth,
        FailureClass::NotFound,
        FailureClass::Rejected,
        FailureClass::Corrupt,
        FailureClass::Internal,
    ] {
        let decisions = decide(
            &board(&[started(J, 1)]),
            Input::Ended(J, Attempt(1), failed(class)),
            &policy(),
        );
        assert_eq!(wake(&decisions), None, "{class:?}");
    }
}

#[test]
fn a_retry_by_the_operator_has_the_whole_budget_again() {
    let mut board = board(&[started(J, 3)]);
    let end = decide(
        &board,
        Input::Ended(J, Attempt(3), transient(None)),
        &policy(),
    );
    carry_out(&mut board, end);
    let retry = command(
        &board,
        Command::Retry {
            jobs: Selection::AllFailed,
        },
    );
    carry_out(&mut board, retry);
    assert_eq!(admit(&board), [J, K]);
    board.apply(&started(J, 4));
    let decisions = decide(
        &board,
        Input::Ended(J, Attempt(4), transient(None)),
        &policy(),
    );
    assert_eq!(wake(&decisions), Some(Duration::from_secs(1)));
}

#[test]
fn retrying_a_running_job_is_refused_out_loud() {
    let decisions = command(&board(&[started(J, 1)]), Command::Retry { jobs: only(J) });
    assert!(matches!(
        decisions[..],
        [Decision::Emit(Event::CommandRefused {
            why: CommandRefusal::NothingToDo,
            ..
        })]
    ));
}

#[test]
fn a_timer_that_fires_after_a_manual_retry_is_ignored() {
    let mut board = board(&[started(J, 1)]);
    let end = decide(
        &board,
        Input::Ended(J, Attempt(1), transient(None)),
        &policy(),
    );
    carry_out(&mut board, end);
    let retry = command(&board, Command::Retry { jobs: only(J) });
    carry_out(&mut board, retry);
    board.apply(&started(J, 2));
    assert_eq!(
        decide(&board, Input::RetryDue(J, Attempt(1)), &policy()),
        []
    );
}

#[test]
fn skipping_a_running_job_cancels_it_and_its_late_words_are_ignored() {
    let mut board = board(&[started(J, 1)]);
    let skip = command(&board, Command::Skip { jobs: only(J) });
    assert_eq!(skip[0], Decision::Cancel(J));
    carry_out(&mut board, skip);
    let late = Outcome::Copied {
        root: Digest::of(b""),
    };
    assert_eq!(
        decide(&board, Input::Ended(J, Attempt(1), late), &policy()),
        []
    );
    let back = command(&board, Command::Unskip { jobs: only(J) });
    carry_out(&mut board, back);
    assert_eq!(board.job(J).unwrap().state, State::Queued);
}

#[test]
fn prioritized_jobs_go_first_in_their_own_order() {
    let mut board = board(&[]);
    let selection = Selection::Jobs([K, L].into());
    let first = command(&board, Command::Prioritize { jobs: selection });
    carry_out(&mut board, first);
    assert_eq!(board.queue().collect::<Vec<_>>(), [K, L, J]);
}

#[test]
fn nothing_is_admitted_while_paused_or_stopping() {
    let mut board = board(&[]);
    assert_eq!(admit(&board), [J, K]);
    board.apply(&Event::BatchPaused);
    assert_eq!(admit(&board), []);
    board.apply(&Event::BatchResumed);
    board.apply(&Event::StopRequested {
        mode: StopMode::Drain,
    });
    assert_eq!(admit(&board), []);
    board.apply(&Event::StopRequested {
        mode: StopMode::Cancel,
    });
    assert_eq!(admit(&board), [J, K]);
}

#[test]
fn raising_the_parallelism_admits_more_at_once() {
    let mut board = board(&[started(J, 1), started(K, 1)]);
    assert_eq!(admit(&board), []);
    let more = command(&board, Command::SetParallel { images: 3 });
    carry_out(&mut board, more);
    assert_eq!(admit(&board), [L]);
}

#[test]
fn an_image_that_only_waits_for_another_does_not_keep_the_next_from_starting() {
    let digest = Digest::of(b"base");
    let blob = PlannedBlob {
        digest: digest.clone(),
        size: 9,
        kind: BlobKind::Layer,
        media_type: None,
    };
    let planned = Event::JobPlanned {
        job: K,
        root: Digest::of(b"root"),
        manifests: Vec::new(),
        blobs: vec![blob],
        replaces: None,
    };
    let mut board = board(&[started(J, 1), started(K, 1), planned]);
    assert_eq!(admit(&board), []);
    board.apply(&Event::BlobWaited {
        job: K,
        digest,
        owner: J,
    });
    assert_eq!(admit(&board), [L]);
}

#[test]
fn the_first_interrupt_drains_and_the_second_stops() {
    let mut board = board(&[started(J, 1)]);
    let first = decide(&board, Input::Interrupted, &policy());
    assert!(!first.contains(&Decision::Cancel(J)));
    carry_out(&mut board, first);
    let second = decide(&board, Input::Interrupted, &policy());
    assert!(second.contains(&Decision::Cancel(J)));
    carry_out(&mut board, second);
    assert_eq!(board.job(J).unwrap().state, State::Queued);
}

fn surveyed(board: &mut Board, job: JobId) {
    board.apply(&started(job, 1));
    let decisions = decide(board, Input::PreflightDone(job, Attempt(1)), &policy());
    assert_eq!(decisions.len(), 1);
    carry_out(board, decisions);
}

#[test]
fn a_review_looks_at_every_image_once_and_copies_none() {
    let mut board = board(&[Event::ReviewStarted]);
    assert_eq!(admit(&board), [J, K]);
    surveyed(&mut board, J);
    surveyed(&mut board, K);
    assert_eq!(admit(&board), [L]);
    surveyed(&mut board, L);
    assert_eq!(admit(&board), []);
    let begin = command(&board, Command::Begin);
    assert_eq!(begin, [Decision::Emit(Event::ReviewEnded)]);
    carry_out(&mut board, begin);
    assert_eq!(admit(&board), [J, K]);
}

#[test]
fn a_batch_begins_before_every_image_was_looked_at_when_it_is_told_to() {
    let mut board = board(&[Event::ReviewStarted]);
    surveyed(&mut board, J);
    board.apply(&started(K, 1));
    let begin = command(&board, Command::Begin);
    carry_out(&mut board, begin);
    // The look under way goes on to its end, and the image is copied then.
    assert_eq!(admit(&board), [J]);
    let late = decide(&board, Input::PreflightDone(K, Attempt(1)), &policy());
    carry_out(&mut board, late);
    assert_eq!(admit(&board), [J, K]);
}

#[test]
fn a_look_at_an_image_costs_it_no_attempt() {
    let mut board = board(&[Event::ReviewStarted]);
    board.apply(&started(J, 1));
    let failed = decide(
        &board,
        Input::Ended(J, Attempt(1), transient(None)),
        &policy(),
    );
    carry_out(&mut board, failed);
    board.apply(&started(J, 2));
    let seen = decide(&board, Input::PreflightDone(J, Attempt(2)), &policy());
    carry_out(&mut board, seen);
    assert_eq!(board.job(J).unwrap().tries(), 0);
}

#[test]
fn a_skipped_image_is_not_looked_at_and_a_late_word_does_not_take_it_back_in() {
    let mut board = board(&[Event::ReviewStarted, started(J, 1)]);
    let skip = command(&board, Command::Skip { jobs: only(J) });
    assert_eq!(skip[0], Decision::Cancel(J));
    carry_out(&mut board, skip);
    assert_eq!(
        decide(&board, Input::PreflightDone(J, Attempt(1)), &policy()),
        []
    );
    assert_eq!(admit(&board), [K, L]);
}

#[test]
fn there_is_nothing_to_begin_without_a_review() {
    assert!(matches!(
        command(&board(&[]), Command::Begin)[..],
        [Decision::Emit(Event::CommandRefused {
            why: CommandRefusal::NothingToDo,
            ..
        })]
    ));
}

#[test]
fn a_command_after_the_end_is_answered() {
    let board = board(&[Event::BatchFinished { stopped_by: None }]);
    assert!(matches!(
        command(&board, Command::Pause)[..],
        [Decision::Emit(Event::CommandRefused {
            why: CommandRefusal::BatchFinished,
            ..
        })]
    ));
}
