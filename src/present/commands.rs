//! Commands of this program that are printed for the operator to paste.
//!
//! Decides how they are written: with the options for the same journal, quoted for a shell. Invariant: a printed command
//! contains no password.

use super::sanitize;
use crate::batch::BatchId;

/// Writes commands for the journal of this process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commands {
    journal: Vec<String>,
    without_password: bool,
    /// The registries end with this process, so its batch cannot be resumed.
    ends_here: bool,
}

impl Commands {
    /// The journal is in the directory of `--state`.
    #[must_use]
    pub fn with_state(directory: &str) -> Self {
        Self {
            journal: vec!["--state".into(), directory.into()],
            ..Self::default()
        }
    }

    /// The journal is at the address of `--journal`; `without_password` means that a password was removed from it.
    #[must_use]
    pub fn with_journal(address: &str, without_password: bool) -> Self {
        Self {
            journal: vec!["--journal".into(), address.into()],
            without_password,
            ..Self::default()
        }
    }

    /// For a batch whose registries end with this process.
    #[must_use]
    pub fn ending_here(self) -> Self {
        Self {
            ends_here: true,
            ..self
        }
    }

    /// Resumes a batch, if that is possible.
    #[must_use]
    pub fn resume(&self, batch: &BatchId) -> Option<String> {
        (!self.ends_here).then(|| self.line(&["resume", &batch.0]))
    }

    /// Retries the failed images of a batch, if that is possible.
    #[must_use]
    pub fn retry_failed(&self, batch: &BatchId) -> Option<String> {
        (!self.ends_here).then(|| self.line(&["resume", &batch.0, "--retry-failed"]))
    }

    /// Any command that uses the journal.
    #[must_use]
    pub fn line(&self, words: &[&str]) -> String {
        let journal = self.journal.iter().map(String::as_str);
        command(words.iter().copied().chain(journal))
    }

    /// What the operator has to do before pasting a command; empty if nothing.
    #[must_use]
    pub fn before(&self) -> &'static str {
        match self.without_password {
            true => " (its password is not repeated: set PGPASSWORD)",
            false => "",
        }
    }
}

/// A command of this program, quoted for a shell.
#[must_use]
pub fn command<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let line = shell_words::join(["transship"].into_iter().chain(words));
    sanitize(&line).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_a_command_as_it_was_meant() {
        let batch = BatchId("b7".into());
        assert_eq!(
            Commands::default().resume(&batch).unwrap(),
            "transship resume b7"
        );
        for directory in ["/my state", "/it's", "/a$(b)`c`", "-x"] {
            let line = Commands::with_state(directory)
                .retry_failed(&batch)
                .unwrap();
            let words = shell_words::split(&line).unwrap();
            let expected = [
                "transship",
                "resume",
                "b7",
                "--retry-failed",
                "--state",
                directory,
            ];
            assert_eq!(words, expected);
        }
        let demo = Commands::with_state("/s").ending_here();
        assert_eq!(demo.resume(&batch), None);
        assert_eq!(demo.line(&["batches"]), "transship batches --state /s");
    }
}
