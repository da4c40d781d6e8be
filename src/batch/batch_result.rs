//! How a run went, as the exit code that a script sees.
//!
//! Invariant: a function of the board alone, the same for every front end. Exit code 2, for a wrong list or command
//! line, is not decided here: there is no run then.

use super::Board;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchResult {
    /// Every image is where it should be, or was left out on purpose.
    AllGood,
    /// Every image has ended, and at least one failed.
    SomeFailed,
    /// The run ended before every image had; it can be resumed.
    Stopped,
}

impl BatchResult {
    #[must_use]
    pub fn of(board: &Board) -> Self {
        if board.stopped_by.is_some() || !board.finished || !board.all_done() {
            Self::Stopped
        } else if board.counts().failed > 0 {
            Self::SomeFailed
        } else {
            Self::AllGood
        }
    }

    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::AllGood => 0,
            Self::SomeFailed => 1,
            Self::Stopped => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{
        Event, Failure, FailureClass, Job, JobId, Outcome, Side, SkipReason, StopReason,
    };
    use crate::oci::CopySpec;

    fn verdict(outcomes: Vec<Option<Outcome>>, stopped_by: Option<StopReason>) -> u8 {
        let mut board = Board::default();
        for (id, outcome) in (0..).map(JobId).zip(outcomes) {
            board.apply(&Event::JobListed {
                job: Box::new(Job {
                    id,
                    spec: CopySpec::new(
                        "a.example/app:1".parse().unwrap(),
                        "b.example/app:1".parse().unwrap(),
                    ),
                }),
            });
            if let Some(outcome) = outcome {
                board.apply(&Event::JobFinished { job: id, outcome });
            }
        }
        board.apply(&Event::BatchFinished { stopped_by });
        BatchResult::of(&board).exit_code()
    }

    fn failed() -> Option<Outcome> {
        Some(Outcome::Failed {
            cause: Failure {
                side: Side::Source,
                class: FailureClass::Auth,
                summary: "said 401".into(),
                chain: Vec::new(),
            },
        })
    }

    fn skipped() -> Option<Outcome> {
        Some(Outcome::Skipped {
            why: SkipReason::User,
        })
    }

    #[test]
    fn the_exit_code_tells_failed_from_resumable() {
        assert_eq!(verdict(vec![], None), 0);
        assert_eq!(verdict(vec![skipped()], None), 0);
        assert_eq!(verdict(vec![skipped(), failed()], None), 1);
        assert_eq!(verdict(vec![failed(), None], Some(StopReason::Signal)), 3);
        assert_eq!(verdict(vec![failed()], Some(StopReason::JournalLost)), 3);
    }

    #[test]
    fn a_run_that_never_said_it_finished_was_stopped() {
        assert_eq!(BatchResult::of(&Board::default()), BatchResult::Stopped);
    }
}
