//! The options for the journal.
//!
//! Decides between option, environment variable and default. Invariant: a printed command reaches the same journal.

use std::{ffi::OsStr, path::PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::output::{shown, tell};
use crate::{
    batch::BatchId,
    journal::{Journal, JournalError, JournalLocation},
    present::Commands,
};

#[derive(Args)]
pub(super) struct JournalArguments {
    /// Directory of the journal [default: the state directory of the user].
    #[arg(long, value_name = "DIR", env = STATE_VARIABLE)]
    pub(super) state: Option<PathBuf>,
    /// PostgreSQL database for the journal, as a postgres:// URL, or a directory.
    #[arg(
        long,
        value_name = "URL",
        env = JOURNAL_VARIABLE,
        hide_env_values = true,
        conflicts_with = "state"
    )]
    pub(super) journal: Option<String>,
}

/// The environment variables with the same meaning as the options.
const STATE_VARIABLE: &str = "TRANSSHIP_STATE";
const JOURNAL_VARIABLE: &str = "TRANSSHIP_JOURNAL";

impl JournalArguments {
    /// What the environment says, where no option is known.
    pub(super) fn of_environment() -> Self {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Self {
            state: set(STATE_VARIABLE).map(PathBuf::from),
            journal: set(JOURNAL_VARIABLE).and_then(|text| text.into_string().ok()),
        }
    }

    /// Where the journal is. Does not open or create it.
    fn location(&self) -> anyhow::Result<JournalLocation> {
        Ok(match (&self.journal, &self.state) {
            (Some(text), _) => text.parse().context("wrong --journal")?,
            (None, Some(directory)) => {
                JournalLocation::directory(directory).context("wrong --state")?
            }
            (None, None) => JournalLocation::standard()
                .ok_or_else(|| anyhow::anyhow!("there is no home directory; add --state DIR"))?,
        })
    }

    /// Where a batch keeps files that it needs until it ends: beside the journal, or in the state directory of this user
    /// if the journal is a database.
    pub(super) fn spool(&self, batch: &BatchId) -> anyhow::Result<PathBuf> {
        let directory = match self.location()? {
            JournalLocation::Directory(directory) => Some(directory),
            JournalLocation::Postgres(_) => match JournalLocation::standard() {
                Some(JournalLocation::Directory(directory)) => Some(directory),
                Some(JournalLocation::Postgres(_)) | None => None,
            },
        };
        let directory = directory.unwrap_or_else(std::env::temp_dir);
        Ok(std::path::absolute(directory)?
            .join("layers")
            .join(batch.to_string()))
    }

    /// How printed commands reach this journal. They need no option for what an environment variable says.
    pub(super) fn commands(&self) -> anyhow::Result<Commands> {
        let in_environment =
            |name, value: &OsStr| std::env::var_os(name).is_some_and(|set| set == value);
        let text = self.journal.as_ref().map(OsStr::new);
        let is_option = match (text, &self.state) {
            (Some(text), _) => !in_environment(JOURNAL_VARIABLE, text),
            (None, Some(directory)) => !in_environment(STATE_VARIABLE, directory.as_os_str()),
            (None, None) => false,
        };
        let location = self.location()?;
        Ok(match (is_option, location.address(), location) {
            (false, ..) => Commands::default(),
            (true, Some((address, had_password)), _) => {
                Commands::with_journal(&address, had_password)
            }
            (true, None, JournalLocation::Directory(directory)) => {
                Commands::with_state(&shown(&std::path::absolute(directory)?))
            }
            (true, None, JournalLocation::Postgres(_)) => Commands::default(),
        })
    }

    /// The batch with this name, or whose name alone contains it.
    pub(super) async fn find(&self, journal: &Journal, name: &str) -> anyhow::Result<BatchId> {
        match journal.find(name).await {
            Err(error @ JournalError::Unknown { .. }) => {
                let batches = self.commands()?.line(&["batches"]);
                anyhow::bail!("failed to {error}; see `{batches}`")
            }
            found => Ok(found?),
        }
    }

    /// The journal, not opened yet.
    pub(super) fn journal(&self) -> anyhow::Result<Journal> {
        Ok(Journal::at(self.location()?).on_wait(|obstacle| {
            tell(format_args!("transship: {obstacle}; waiting up to 1 min"));
        }))
    }
}
