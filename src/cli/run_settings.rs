//! The settings of a run that are not in its list.
//!
//! Decides which of them are stored with the batch. Invariant: a resumed run has the same limits as the first one, and
//! finds the files its list names, wherever it is started.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::{
    list::{Directories, List},
    run::{Options, RetryPolicy, Review},
};

const DEFAULT_PARALLEL: u16 = 12;

/// The limits of a batch; they override those of the list.
#[derive(Args, Clone, Copy)]
pub(super) struct PaceArguments {
    /// Images in flight at once.
    #[arg(long, value_name = "IMAGES", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) parallel: Option<u16>,
    /// Attempts per image, the first included.
    #[arg(long, value_name = "TIMES", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) attempts: Option<u16>,
}

/// Stored with the batch, as JSON.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct RunSettings {
    #[serde(flatten)]
    pub(super) pace: PaceOptions,
    /// Where relative paths of files in the list begin; absent in batches of older versions.
    #[serde(default)]
    directory: Option<String>,
    /// Where relative paths of stores begin; absent in batches of older versions, which have none.
    #[serde(default)]
    working_directory: Option<String>,
    /// The file of stored credentials, if one was named.
    #[serde(default)]
    pub(super) authfile: Option<PathBuf>,
    /// The file that keeps what tags named, if the batch has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rollback_file: Option<PathBuf>,
    /// The signature policy, if the batch has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    policy: Option<PathBuf>,
    /// Where storages of signatures are described, if that was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    registries_dir: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct PaceOptions {
    pub(super) parallel: Option<u16>,
    pub(super) attempts: Option<u16>,
}

impl RunSettings {
    pub(super) fn new(
        pace: PaceOptions,
        directories: &Directories,
        authfile: Option<&Path>,
        rollback_file: Option<&Path>,
    ) -> Self {
        let text = |directory: &Path| Some(directory.to_string_lossy().into_owned());
        Self {
            pace,
            directory: text(&directories.list),
            working_directory: text(&directories.working),
            authfile: authfile.map(Path::to_owned),
            rollback_file: rollback_file.map(Path::to_owned),
            policy: None,
            registries_dir: None,
        }
    }

    /// With a signature policy.
    pub(super) fn with_policy(self, policy: Option<&Path>, registries: Option<&Path>) -> Self {
        Self {
            policy: policy.map(Path::to_owned),
            registries_dir: registries.map(Path::to_owned),
            ..self
        }
    }

    /// The signature policy, and where storages of signatures are described.
    pub(super) fn policy(&self) -> (Option<PathBuf>, Option<PathBuf>) {
        (self.policy.clone(), self.registries_dir.clone())
    }

    /// Reads what was stored with a batch; anything unreadable counts as not set.
    pub(super) fn read(settings: &str) -> Self {
        serde_json::from_str(settings).unwrap_or_default()
    }

    /// Where relative paths of the list begin; empty for the working directory.
    pub(super) fn directories(&self) -> Directories {
        let path = |directory: &Option<String>| directory.clone().unwrap_or_default().into();
        Directories {
            list: path(&self.directory),
            working: path(&self.working_directory),
        }
    }
}

impl From<PaceArguments> for PaceOptions {
    fn from(arguments: PaceArguments) -> Self {
        Self {
            parallel: arguments.parallel,
            attempts: arguments.attempts,
        }
    }
}

impl PaceOptions {
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            parallel: self.parallel.or(other.parallel),
            attempts: self.attempts.or(other.attempts),
        }
    }

    /// The options of a run; these settings override those of the list.
    pub(super) fn options(self, list: &List) -> Options {
        let default = RetryPolicy::default();
        let attempts = self.attempts.or(list.defaults.attempts.map(Into::into));
        let parallel = self.parallel.or(list.defaults.parallel.map(Into::into));
        Options {
            parallel: parallel.unwrap_or(DEFAULT_PARALLEL),
            policy: RetryPolicy {
                attempts: attempts.unwrap_or(default.attempts),
                ..default
            },
            review: Review::None,
            stay: false,
        }
    }
}
