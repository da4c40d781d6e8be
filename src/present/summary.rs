//! What is printed when a batch has ended: the sums, the failures, and the command that goes on from here.

use std::{fmt::Write as _, time::Duration};

use super::{bytes, count, duration, failure, plain, rate};
use crate::batch::{Board, StopReason};

/// How many failed images are named before the rest is only counted.
const NAMED: usize = 10;

/// Images by state, those there are: `54 copied, 3 up to date, 2 failed`.
#[must_use]
pub fn outcome_counts(board: &Board) -> String {
    let counts = board.counts();
    let parts: Vec<String> = [
        (counts.copied, "copied"),
        (counts.up_to_date, "up to date"),
        (counts.failed, "failed"),
        (counts.skipped, "skipped"),
        (counts.queued + counts.running + counts.waiting, "left"),
    ]
    .into_iter()
    .filter(|(amount, _)| *amount > 0)
    .map(|(amount, word)| format!("{amount} {word}"))
    .collect();
    match parts.is_empty() {
        true => "nothing to do".into(),
        false => parts.join(", "),
    }
}

/// Bytes by how they came to be there: `610.1 MiB copied, 3.2 GiB mounted`; empty if there are none.
#[must_use]
pub fn blob_sums(board: &Board) -> String {
    let totals = board.totals();
    let parts: Vec<String> = [
        (totals.copied, "copied"),
        (totals.mounted, "mounted"),
        (totals.present, "present"),
    ]
    .into_iter()
    .filter(|(amount, _)| *amount > 0)
    .map(|(amount, word)| format!("{} {word}", bytes(amount)))
    .collect();
    parts.join(", ")
}

/// The last words of a run that took `elapsed`: several lines, each ended by a newline.
#[must_use]
pub fn summary(board: &Board, elapsed: Duration) -> String {
    let mut text = format!(
        "{}: {} in {}\n",
        count(board.jobs().len(), "image"),
        outcome_counts(board),
        duration(elapsed)
    );
    let sums = blob_sums(board);
    match per_second(board.totals().copied, elapsed) {
        _ if sums.is_empty() => {}
        Some(speed) => text += &format!("{sums}; {} on average\n", rate(speed)),
        None => text += &format!("{sums}\n"),
    }
    for view in board.failed().take(NAMED).filter_map(|job| board.job(job)) {
        let cause = view.cause().map(failure).unwrap_or_default();
        let _ = writeln!(text, "  failed  {}  {cause}", view.job.source);
    }
    if let Some(more) = board.counts().failed.checked_sub(NAMED + 1) {
        let _ = writeln!(text, "  and {} more", more + 1);
    }
    if let Some(step) = next_step(board) {
        let _ = writeln!(text, "{step}");
    }
    text
}

fn next_step(board: &Board) -> Option<String> {
    let id = board.batch.as_ref()?;
    let id = plain(&id.0);
    match board.stopped_by {
        Some(StopReason::JournalLost) => Some(format!(
            "stopped because results could no longer be recorded; mend the state directory, then \
             `transship resume {id}` goes on"
        )),
        Some(StopReason::User | StopReason::Signal | StopReason::Reviewed) if !board.all_done() => {
            Some(format!("`transship resume {id}` goes on"))
        }
        _ if board.counts().failed > 0 => Some(format!(
            "`transship resume {id} --retry-failed` tries the failed ones again"
        )),
        _ => None,
    }
}

fn per_second(amount: u64, elapsed: Duration) -> Option<u64> {
    let millis = elapsed.as_millis();
    let speed = (u128::from(amount) * 1000).checked_div(millis)?;
    u64::try_from(speed).ok().filter(|speed| *speed > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{BatchId, Event, Failure, FailureClass, Job, JobId, Outcome, Side};

    fn ended(images: u32, failed: u32) -> Board {
        let mut board = Board::default();
        board.apply(&Event::BatchStarted {
            batch: BatchId("b7".into()),
            list: "prod.toml".into(),
            jobs: images,
            parallel: 4,
            resumed: false,
        });
        for id in 0..images {
            let reference = format!("a.example/app:{id}").parse().unwrap();
            board.apply(&Event::JobListed {
                job: Job {
                    id: JobId(id),
                    source: reference,
                    destination: format!("b.example/app:{id}").parse().unwrap(),
                    platforms: Vec::new(),
                    attachments: Default::default(),
                },
            });
            board.apply(&Event::JobFinished {
                job: JobId(id),
                outcome: if id < failed {
                    Outcome::Failed {
                        cause: Failure {
                            side: Side::Source,
                            class: FailureClass::Auth,
                            summary: "said 401".into(),
                            chain: Vec::new(),
                        },
                    }
                } else {
                    Outcome::Copied {
                        root: crate::oci::Digest::of(b"root"),
                    }
                },
            });
        }
        board
    }

    #[test]
    fn a_clean_batch_ends_in_one_line() {
        assert_eq!(
            summary(&ended(3, 0), Duration::from_secs(65)),
            "3 images: 3 copied in 1 min 05 s\n"
        );
    }

    #[test]
    fn failures_are_named_and_the_next_step_is_said() {
        assert_eq!(
            summary(&ended(3, 1), Duration::from_secs(5)),
            "3 images: 2 copied, 1 failed in 5 s\n  failed  a.example/app:0  source said 401\n\
             `transship resume b7 --retry-failed` tries the failed ones again\n"
        );
    }

    #[test]
    fn many_failures_are_counted() {
        let text = summary(&ended(30, 12), Duration::from_secs(5));
        assert_eq!(text.matches("failed  a.example").count(), 10);
        assert!(text.contains("  and 2 more\n"), "{text}");
    }

    #[test]
    fn a_stopped_batch_says_how_to_go_on() {
        let mut board = ended(1, 0);
        board.apply(&Event::JobListed {
            job: Job {
                id: JobId(1),
                ..board.jobs()[0].job.clone()
            },
        });
        board.apply(&Event::BatchFinished {
            stopped_by: Some(StopReason::User),
        });
        let text = summary(&board, Duration::from_secs(1));
        assert!(text.starts_with("2 images: 1 copied, 1 left in 1 s\n"));
        assert!(text.ends_with("`transship resume b7` goes on\n"), "{text}");
    }
}
