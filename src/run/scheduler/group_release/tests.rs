//! Groups, from staging to the last tag, in orders that people choose and in any order.

use proptest::prelude::*;

use super::*;
use crate::{
    batch::{Attempt, BatchId, Command, Failure, FailureClass, Job, Outcome, Selection, Side},
    oci::{CopySpec, Digest},
    run::scheduler::{Input, RetryPolicy, admit, decide},
};

const JOBS: u32 = 6;

/// The first four images are of one group.
fn board() -> Board {
    let mut board = Board::default();
    board.apply(&Event::BatchStarted {
        batch: BatchId("b".into()),
        list: "list.toml".into(),
        jobs: JOBS,
        parallel: 8,
        resumed: false,
    });
    for id in 0..JOBS {
        let reference = |side: &str| format!("{side}.example/app:{id}").parse().unwrap();
        let mut spec = CopySpec::new(reference("a"), reference("b"));
        spec.group = (id < 4).then(|| "g".parse().unwrap());
        let job = Job {
            id: JobId(id),
            spec,
        };
        board.apply(&Event::JobListed { job: Box::new(job) });
    }
    board
}

fn policy() -> RetryPolicy {
    RetryPolicy {
        attempts: 2,
        ..RetryPolicy::default()
    }
}

fn carry_out(board: &mut Board, decisions: Vec<Decision>) {
    for decision in decisions {
        if let Decision::Emit(event) = decision {
            board.apply(&event);
        }
    }
}

fn take(board: &mut Board, input: Input) {
    let decisions = decide(board, input, &policy());
    carry_out(board, decisions);
    let released = release(board);
    carry_out(board, released);
}

fn start(board: &mut Board, job: u32) {
    let attempt = Attempt(board.job(JobId(job)).unwrap().attempt.0 + 1);
    let job = JobId(job);
    board.apply(&Event::JobStarted { job, attempt });
}

fn attempt(board: &Board, job: u32) -> Attempt {
    board.job(JobId(job)).unwrap().attempt
}

fn stage(board: &mut Board, job: u32) {
    start(board, job);
    let attempt = attempt(board, job);
    let root = Digest::of(b"root");
    take(board, Input::Staged(JobId(job), attempt, root));
}

fn end(board: &mut Board, job: u32, outcome: Outcome) {
    let attempt = attempt(board, job);
    take(board, Input::Ended(JobId(job), attempt, outcome));
}

fn copied() -> Outcome {
    let root = Digest::of(b"root");
    Outcome::Copied { root }
}

fn failed(class: FailureClass) -> Outcome {
    Outcome::Failed {
        cause: Failure {
            side: Side::Destination,
            class,
            summary: "said no".into(),
            chain: Vec::new(),
        },
    }
}

fn transient() -> Outcome {
    failed(FailureClass::Transient {
        retry_after_ms: None,
    })
}

fn is_staged(board: &Board, job: u32) -> bool {
    matches!(board.job(JobId(job)).unwrap().state, State::Staged { .. })
}

fn only(job: u32) -> Selection {
    Selection::Jobs([JobId(job)].into())
}

fn command(board: &mut Board, command: Command) {
    take(board, Input::Command(command));
}

/// All of the group are staged, but for the last, which failed.
fn one_failed() -> Board {
    let mut board = board();
    (0..3).for_each(|job| stage(&mut board, job));
    start(&mut board, 3);
    end(&mut board, 3, failed(FailureClass::NotFound));
    board
}

#[test]
fn the_tags_of_a_group_go_before_all_other_images_once_the_last_one_is_staged() {
    let mut board = board();
    (0..3).for_each(|job| stage(&mut board, job));
    let prioritize = Command::Prioritize { jobs: only(5) };
    command(&mut board, prioritize);
    assert_eq!(admit(&board), [5, 3, 4].map(JobId));
    stage(&mut board, 3);
    assert_eq!(admit(&board), [0, 1, 2, 3, 5, 4].map(JobId));
    assert_eq!(board.job(JobId(0)).unwrap().tries(), 0, "staging is no try");
}

#[test]
fn a_group_waits_for_an_image_that_failed_until_it_is_skipped() {
    let mut board = one_failed();
    assert_eq!(admit(&board), [4, 5].map(JobId));
    let held: Vec<String> = board.held_groups().map(|group| group.to_string()).collect();
    let expected =
        "3 images of group g wait for 1 that failed: retry or skip it; none of its tags is written";
    assert_eq!(held, [expected]);
    command(&mut board, Command::Skip { jobs: only(3) });
    assert_eq!(admit(&board), [0, 1, 2, 4, 5].map(JobId));
}

#[test]
fn a_batch_ends_with_tags_unwritten_only_when_images_failed() {
    let mut board = one_failed();
    for other in [4, 5] {
        start(&mut board, other);
        end(&mut board, other, copied());
    }
    assert!(board.all_done());
    command(&mut board, Command::Retry { jobs: only(3) });
    assert!(!board.all_done());
    stage(&mut board, 3);
    assert!(!board.all_done(), "the tags are to be written");
}

#[test]
fn an_image_that_is_up_to_date_or_kept_does_not_hold_its_group() {
    let mut board = board();
    stage(&mut board, 0);
    let root = Digest::of(b"root");
    let there = root.clone();
    let outcomes = [
        Outcome::UpToDate { root },
        Outcome::Skipped {
            why: crate::batch::SkipReason::Kept { there },
        },
        copied(),
    ];
    for (job, outcome) in (1..).zip(outcomes) {
        start(&mut board, job);
        end(&mut board, job, outcome);
    }
    assert_eq!(admit(&board)[0], JobId(0));
}

#[test]
fn after_a_tag_failed_those_that_are_not_being_written_wait_again() {
    let mut board = board();
    (0..4).for_each(|job| stage(&mut board, job));
    [0, 1].into_iter().for_each(|job| start(&mut board, job));
    end(&mut board, 0, failed(FailureClass::Rejected));
    assert!(is_staged(&board, 2) && is_staged(&board, 3));
    // The one that is being written goes on; if it fails for now, it waits like the others.
    end(&mut board, 1, transient());
    assert!(is_staged(&board, 1));
    assert_eq!(admit(&board), [4, 5].map(JobId));
    command(&mut board, Command::Retry { jobs: only(0) });
    stage(&mut board, 0);
    assert_eq!(admit(&board)[..4], [0, 1, 2, 3].map(JobId));
}

#[test]
fn a_tag_that_fails_for_now_is_tried_again_without_another_copy() {
    let mut board = board();
    (0..4).for_each(|job| stage(&mut board, job));
    start(&mut board, 0);
    end(&mut board, 0, transient());
    let due = attempt(&board, 0);
    take(&mut board, Input::RetryDue(JobId(0), due));
    assert!(board.job(JobId(0)).unwrap().staged.is_some());
    assert!(admit(&board).contains(&JobId(0)));
}

#[test]
fn nothing_is_released_while_the_batch_is_paused_or_stops() {
    let mut board = board();
    command(&mut board, Command::Pause);
    (0..4).for_each(|job| stage(&mut board, job));
    assert!((0..4).all(|job| is_staged(&board, job)));
    assert!(!board.all_done());
    command(&mut board, Command::Resume);
    assert_eq!(admit(&board)[0], JobId(0));
}

#[derive(Clone, Debug)]
enum Step {
    /// Starts an image that may start, and ends it.
    Attempt {
        pick: usize,
        ends: Ends,
    },
    Start {
        pick: usize,
    },
    End {
        pick: usize,
        ends: Ends,
    },
    Retry(u32),
    SkipFailed(u32),
    Due,
}

#[derive(Clone, Copy, Debug)]
enum Ends {
    Well,
    UpToDate,
    Transient,
    Badly,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let ends = prop_oneof![
        5 => Just(Ends::Well),
        1 => Just(Ends::UpToDate),
        1 => Just(Ends::Transient),
        1 => Just(Ends::Badly),
    ];
    let pick = 0..8_usize;
    let step = prop_oneof![
        4 => (pick.clone(), ends.clone()).prop_map(|(pick, ends)| Step::Attempt { pick, ends }),
        3 => pick.clone().prop_map(|pick| Step::Start { pick }),
        3 => (pick, ends).prop_map(|(pick, ends)| Step::End { pick, ends }),
        1 => (0..JOBS).prop_map(Step::Retry),
        1 => (0..JOBS).prop_map(Step::SkipFailed),
        2 => Just(Step::Due),
    ];
    proptest::collection::vec(step, 0..120)
}

/// What happened to the tags of the group.
#[derive(Default)]
struct Tags {
    written: bool,
    has_failed: bool,
}

fn start_picked(board: &mut Board, pick: usize) -> Option<u32> {
    let ready = admit(board);
    let job = ready.get(pick % ready.len().max(1))?.0;
    let view = board.job(JobId(job)).unwrap();
    if view.staged.is_some() {
        let group = board.group(view.job.spec.group.as_ref().unwrap()).unwrap();
        assert!(group.failed.is_empty(), "a tag is started beside a failure");
        assert_eq!(group.open, 0, "a tag is started before all are staged");
    }
    start(board, job);
    Some(job)
}

fn end_as(board: &mut Board, job: u32, ends: Ends, tags: &mut Tags) {
    let view = board.job(JobId(job)).unwrap();
    let is_tag = view.staged.is_some();
    let is_grouped = view.job.spec.group.is_some();
    let root = Digest::of(b"root");
    match ends {
        Ends::Well if is_grouped && !is_tag => {
            let attempt = attempt(board, job);
            take(board, Input::Staged(JobId(job), attempt, root));
        }
        Ends::UpToDate if !is_tag => end(board, job, Outcome::UpToDate { root }),
        Ends::Well | Ends::UpToDate => {
            tags.written |= is_tag;
            end(board, job, copied());
        }
        Ends::Transient | Ends::Badly => {
            tags.has_failed |= is_tag;
            end(
                board,
                job,
                match ends {
                    Ends::Transient => transient(),
                    _ => failed(FailureClass::Rejected),
                },
            );
        }
    }
}

proptest! {
    #[test]
    fn a_group_is_never_partly_tagged_unless_tagging_failed(steps in steps()) {
        let mut board = board();
        let mut tags = Tags::default();
        for step in steps {
            match step {
                Step::Attempt { pick, ends } => {
                    if let Some(job) = start_picked(&mut board, pick) {
                        end_as(&mut board, job, ends, &mut tags);
                    }
                }
                Step::Start { pick } => drop(start_picked(&mut board, pick)),
                Step::End { pick, ends } => {
                    let running: Vec<JobId> = board.running().collect();
                    if let Some(job) = running.get(pick % running.len().max(1)) {
                        end_as(&mut board, job.0, ends, &mut tags);
                    }
                }
                Step::Retry(job) => command(&mut board, Command::Retry { jobs: only(job) }),
                Step::SkipFailed(job) => {
                    if board.job(JobId(job)).unwrap().state == State::Failed {
                        command(&mut board, Command::Skip { jobs: only(job) });
                    }
                }
                Step::Due => {
                    for job in board.waiting().collect::<Vec<_>>() {
                        let due = attempt(&board, job.0);
                        take(&mut board, Input::RetryDue(job, due));
                    }
                }
            }
            let name = "g".parse().unwrap();
            let group = board.group(&name).unwrap();
            if tags.written && !tags.has_failed {
                prop_assert!(group.open == 0 && group.failed.is_empty() && group.staged.is_empty());
            }
            let counts = board.counts();
            let all = counts.queued + counts.running + counts.waiting + counts.staged + counts.copied
                + counts.up_to_date + counts.failed + counts.skipped + counts.kept;
            prop_assert_eq!(all, board.jobs().len());
        }
        // Whatever happened, everything ends when nothing fails any more.
        for _ in 0..10 * JOBS {
            command(&mut board, Command::Retry { jobs: Selection::AllFailed });
            for job in board.waiting().collect::<Vec<_>>() {
                let due = attempt(&board, job.0);
                take(&mut board, Input::RetryDue(job, due));
            }
            for job in board.running().collect::<Vec<_>>() {
                end_as(&mut board, job.0, Ends::Well, &mut tags);
            }
            start_picked(&mut board, 0);
        }
        prop_assert!(board.all_done() && board.counts().staged == 0, "{:?}", board.counts());
    }
}
