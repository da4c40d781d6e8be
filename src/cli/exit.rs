//! How a command ended, as an exit code.
//!
//! Decides the codes, and how help explains them. Invariant: the codes of a batch, 0 to 3, mean the same for every command.

use std::process::ExitCode;

use crate::batch::BatchResult;

/// For the help of the program.
pub(super) const CODES: &str = "Exit codes:
  0  every image is at its destination, or the command did what it was asked
  1  some images failed
  2  wrong arguments, a wrong list or a journal that cannot be opened
  3  stopped before the end; `transship resume` continues
  inspect, tags and digest: see `transship inspect --help`";

/// For the help of the commands that read one image or repository.
pub(super) const CODES_OF_READING: &str = "Exit codes:
  0  it was read
  1  another failure, such as a manifest that does not parse
  2  wrong arguments
  4  not found: the registry or store does not have it
  5  unreachable: no connection, or an error that may pass by itself
  6  denied: the credentials are missing, wrong or not enough";

/// For the help of `standalone-verify`.
pub(super) const CODES_OF_VERIFYING: &str = "Exit codes:
  0  the signature holds
  1  it does not
  2  wrong arguments, or a file that cannot be read";

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    Good,
    /// Wrong arguments, a wrong list, or another error before the start.
    Usage,
    Run(BatchResult),
    /// What a command checked does not hold.
    Refused,
    /// What a command should read was not read.
    Unread(Unread),
}

/// Why it was not read, as far as a script needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    NotFound,
    /// Another try may work.
    Unreachable,
    Denied,
    Failed,
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
            Exit::Refused | Exit::Unread(Unread::Failed) => Self::from(1),
            Exit::Unread(Unread::NotFound) => Self::from(4),
            Exit::Unread(Unread::Unreachable) => Self::from(5),
            Exit::Unread(Unread::Denied) => Self::from(6),
        }
    }
}
