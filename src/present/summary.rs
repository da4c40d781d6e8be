//! The summary of a batch: totals, failures by cause, and the command for the next step.

use std::{fmt::Write as _, time::Duration};

use super::{CauseGroup, Commands, bytes, causes, count, duration, rate, remedy};
use crate::batch::{Board, StopReason};

/// Causes that are listed, and images that are named for each; the rest is counted.
const MAX_CAUSES: usize = 10;
const MAX_NAMED: usize = 3;

/// Images by state, without empty ones: `54 copied, 3 up to date, 2 failed`.
#[must_use]
pub fn outcome_counts(board: &Board) -> String {
    let counts = board.counts();
    let parts: Vec<String> = [
        (counts.copied, "copied"),
        (counts.up_to_date, "up to date"),
        (counts.staged, "staged"),
        (counts.failed, "failed"),
        (counts.skipped, "skipped"),
        (counts.kept, "kept"),
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

/// Bytes by outcome: `610.1 MiB copied, 3.2 GiB mounted`; empty if there are none.
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

/// The summary of a batch that took `elapsed`; every line ends with a newline.
#[must_use]
pub fn summary(board: &Board, elapsed: Duration, commands: &Commands) -> String {
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
    let groups = causes(board, board.failed());
    for group in groups.iter().take(MAX_CAUSES) {
        write_cause(&mut text, board, group);
    }
    let rest = &groups[groups.len().min(MAX_CAUSES)..];
    if !rest.is_empty() {
        let images = rest.iter().map(|group| group.jobs.len()).sum();
        let (causes, images) = (count(rest.len(), "other cause"), count(images, "image"));
        let _ = writeln!(text, "  {causes}: {images}");
    }
    for group in board.held_groups() {
        let _ = writeln!(text, "{group}");
    }
    if let Some(step) = next_step(board, commands) {
        let _ = writeln!(text, "{step}");
    }
    text
}

/// `source said 401 (harbor-b): 37 images, such as team/app:1`, and below it the remedy.
fn write_cause(text: &mut String, board: &Board, group: &CauseGroup) {
    let cause = &group.cause;
    let named: Vec<String> = (group.jobs.iter().take(MAX_NAMED))
        .filter_map(|job| Some(board.job(*job)?.job.spec.source.to_string()))
        .collect();
    let named = named.join(", ");
    let images = match group.jobs.len() {
        ..=MAX_NAMED => named,
        images => format!("{}, such as {named}", count(images, "image")),
    };
    let (side, message, origin) = (cause.side, &cause.message, cause.origin());
    let _ = writeln!(text, "  {side} {message} ({origin}): {images}");
    let first = group.jobs.first().and_then(|job| board.job(*job)?.cause());
    if let Some(failure) = first {
        let _ = writeln!(text, "    {}", remedy(failure));
    }
}

fn next_step(board: &Board, commands: &Commands) -> Option<String> {
    let id = board.batch.as_ref()?;
    let before = commands.before();
    match board.stopped_by {
        Some(StopReason::JournalLost) => Some(format!(
            "stopped because results could no longer be recorded; repair the journal, then `{}` continues{before}",
            commands.resume(id)?
        )),
        Some(StopReason::User | StopReason::Signal | StopReason::Reviewed) if !board.all_done() => {
            Some(format!("`{}` continues{before}", commands.resume(id)?))
        }
        Some(StopReason::Unfinished) => Some(format!(
            "a destination could not be written completely; `{}` tries again{before}",
            commands.resume(id)?
        )),
        _ if board.counts().failed > 0 => Some(format!(
            "`{}` retries the failed images{before}",
            commands.retry_failed(id)?
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

    fn summary(board: &Board, elapsed: Duration) -> String {
        super::summary(board, elapsed, &Commands::default())
    }

    fn failed(job: u32, summary: &str, chain: &[&str]) -> Event {
        Event::JobFinished {
            job: JobId(job),
            outcome: Outcome::Failed {
                cause: Failure {
                    side: Side::Source,
                    class: FailureClass::Auth,
                    summary: summary.into(),
                    chain: chain.iter().map(|step| (*step).into()).collect(),
                },
            },
        }
    }

    fn ended(images: u32, images_failed: u32) -> Board {
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
                job: Box::new(Job {
                    id: JobId(id),
                    spec: crate::oci::CopySpec::new(
                        reference,
                        format!("b.example/app:{id}").parse().unwrap(),
                    ),
                }),
            });
            let root = crate::oci::Digest::of(b"root");
            let copied = || Event::JobFinished {
                job: JobId(id),
                outcome: Outcome::Copied { root },
            };
            board.apply(&match id < images_failed {
                true => failed(id, "said 401", &[]),
                false => copied(),
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
    fn failures_are_named_with_the_next_step() {
        assert_eq!(
            summary(&ended(3, 1), Duration::from_secs(5)),
            "3 images: 2 copied, 1 failed in 5 s\n  source said 401 (a.example): a.example/app:0\n    \
             check the credentials for the source registry\n\
             `transship resume b7 --retry-failed` retries the failed images\n"
        );
    }

    #[test]
    fn images_that_failed_for_the_same_reason_are_grouped() {
        let mut board = ended(60, 37);
        board.apply(&failed(
            50,
            "said 403 (DENIED)",
            &["hint: ask for the role"],
        ));
        let text = summary(&board, Duration::from_secs(5));
        let lines: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(
            lines,
            [
                "  source said 401 (a.example): 37 images, such as a.example/app:0, a.example/app:1, \
                 a.example/app:2",
                "    check the credentials for the source registry",
                "  source said 403 (DENIED) (a.example): a.example/app:50",
                "    ask for the role",
                "`transship resume b7 --retry-failed` retries the failed images",
            ]
        );
    }

    #[test]
    fn causes_without_end_are_counted() {
        let mut board = ended(30, 0);
        for job in 0..13 {
            board.apply(&failed(job, &format!("said 5{job:02}"), &[]));
        }
        let text = summary(&board, Duration::from_secs(5));
        assert_eq!(text.matches("  source said").count(), 10);
        assert!(text.contains("  3 other causes: 3 images\n"), "{text}");
    }

    #[test]
    fn the_message_of_a_registry_cannot_control_the_terminal() {
        let mut board = ended(1, 0);
        board.apply(&failed(0, "said \x1b[2J", &["hint: \x1b[31m"]));
        assert!(!summary(&board, Duration::from_secs(5)).contains('\x1b'));
    }

    #[test]
    fn a_stopped_batch_says_how_to_continue() {
        let mut board = ended(1, 0);
        board.apply(&Event::JobListed {
            job: Box::new(Job {
                id: JobId(1),
                ..board.jobs()[0].job.clone()
            }),
        });
        board.apply(&Event::BatchFinished {
            stopped_by: Some(StopReason::User),
        });
        let text = summary(&board, Duration::from_secs(1));
        assert!(text.starts_with("2 images: 1 copied, 1 left in 1 s\n"));
        assert!(
            text.ends_with("`transship resume b7` continues\n"),
            "{text}"
        );
    }
}
