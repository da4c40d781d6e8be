//! How a command ended, as an exit code: 0 all good, 1 some failed, 2 usage or list error, 3 stopped and resumable.

use std::process::ExitCode;

use crate::batch::BatchResult;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    Good,
    /// Wrong arguments, a wrong list, or another error before the start.
    Usage,
    Run(BatchResult),
}

impl From<BatchResult> for Exit {
    fn from(result: BatchResult) -> Self {
        Self::Run(result)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Good => Self::SUCCESS,
            Exit::Usage => Self::from(2),
            Exit::Run(result) => Self::from(result.exit_code()),
        }
    }
}
