//! A program asked for a secret: a credential helper, a password command.
//!
//! Decides how long it may take and what of its answer may be shown. Invariant: what is sent to it goes to its
//! standard input.

use std::{path::Path, time::Duration};

use secrecy::SecretString;

use super::CredentialsError;
use crate::program::{Ended, Program, ProgramError, Stdout};

/// How long a program may take: some ask a server far away, or the person for a passphrase.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// What a program said.
pub(super) struct Answer(Ended);

pub(super) async fn run(
    program: &str,
    arguments: &[String],
    directory: Option<&Path>,
    input: SecretString,
) -> Result<Answer, CredentialsError> {
    let asked = Program {
        name: program,
        arguments,
        directory,
        input,
        stdout: Stdout::Keep,
        deadline: LONGEST_WAIT,
    };
    let program = program.to_owned();
    asked.run().await.map(Answer).map_err(|error| match error {
        ProgramError::Start(error) => CredentialsError::Start { program, error },
        ProgramError::Deadline(waited) => CredentialsError::Slow { program, waited },
        ProgramError::TooMuch(_) => CredentialsError::Answer {
            program,
            problem: "more than a password",
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

    /// The first line on standard error, as it may be shown.
    pub(super) fn complaint(&self) -> String {
        let complaint = line(&self.0.stderr);
        match complaint.is_empty() {
            true => "it says no reason".into(),
            false => complaint,
        }
    }
}

/// The first line that says something, without control characters, at most 200 characters.
pub(super) fn line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    let shown = line.unwrap_or_default().chars();
    shown.filter(|c| !c.is_control()).take(200).collect()
}
