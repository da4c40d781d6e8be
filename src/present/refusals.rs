//! Why a command was refused.

use super::{count, phase};
use crate::batch::{Board, Command, CommandRefusal, Selection, StopMode};

/// A refusal of a command for one image names the state of that image.
pub(super) fn refusal(command: &Command, why: CommandRefusal, board: &Board) -> String {
    if why == CommandRefusal::BatchFinished {
        return "the batch is finished".into();
    }
    let (verb, jobs) = match command {
        Command::Retry { jobs } => ("retry", jobs),
        Command::Skip { jobs } => ("skip", jobs),
        Command::Unskip { jobs } => ("unskip", jobs),
        Command::Prioritize { jobs } => ("move to the front", jobs),
        Command::Begin => return "no review is in progress".into(),
        Command::Pause => return "already paused".into(),
        Command::Resume => return "not paused".into(),
        Command::SetParallel { images } => {
            return format!("already {} at once", count(usize::from(*images), "image"));
        }
        Command::SetLimit { limit, .. } if limit.is_zero() => {
            return "a limit is at least 1".into();
        }
        Command::SetLimit { registry, .. } => {
            return format!("{registry} takes no part in this batch");
        }
        Command::Stop { mode } => {
            return match mode {
                StopMode::Drain => "already draining".into(),
                StopMode::Now => "already stopping".into(),
                StopMode::Cancel => "no drain to cancel".into(),
            };
        }
    };
    let one = match jobs {
        Selection::Jobs(jobs) if jobs.len() == 1 => jobs.first(),
        Selection::Jobs(_) | Selection::AllFailed => None,
    };
    match one.and_then(|job| board.job(*job)) {
        Some(view) => format!(
            "nothing to {verb}: {} is {}",
            view.job.spec.source,
            phase(view).name()
        ),
        None if *jobs == Selection::AllFailed => "no image failed".into(),
        None => format!("nothing to {verb} among these images"),
    }
}
