//! Runs a program that returns a secret: a credential helper, a password command.
//!
//! Decides how long it may run and which output may be shown. Invariant: input is sent on its standard input only.

use std::{path::Path, time::Duration};

use secrecy::SecretString;

use super::CredentialsError;
use crate::program::{Ended, Program, ProgramError, Stdout};

/// Deadline of a program: some ask a distant server, or the user for a passphrase.
const DEADLINE: Duration = Duration::from_secs(30);

/// The output of a program that ended.
pub(super) struct Answer(Ended);

pub(super) async fn run(
    program: &str,
    arguments: &[String],
    directory: Option<&Path>,
    input: SecretString,
) -> Result<Answer, CredentialsError> {
    let command = Program {
        name: program,
        arguments,
        directory,
        input,
        stdout: Stdout::Keep,
        deadline: DEADLINE,
    };
    let program = program.to_owned();
    command
        .run()
        .await
        .map(Answer)
        .map_err(|error| match error {
            ProgramError::Start(error) => CredentialsError::Start { program, error },
            ProgramError::Deadline(waited) => CredentialsError::Slow { program, waited },
            ProgramError::TooMuch(_) => CredentialsError::Answer {
                program,
                problem: "more output than a password has",
            },
        })
}

impl Answer {
    pub(super) fn succeeded(&self) -> bool {
        self.0.status.success()
    }

    pub(super) fn text(&self) -> Option<&str> {
        self.0.text()
    }

    /// The first line on standard error, safe to show.
    pub(super) fn error_line(&self) -> String {
        let error = line(&self.0.stderr);
        match error.is_empty() {
            true => "it gave no reason".into(),
            false => error,
        }
    }
}

/// The first line that is not empty, without control characters, at most 200 characters.
pub(super) fn line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    let shown = line.unwrap_or_default().chars();
    shown.filter(|c| !c.is_control()).take(200).collect()
}
