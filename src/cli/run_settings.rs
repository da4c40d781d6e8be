//! What a run was given besides the text of its list.
//!
//! Decides what of it is kept with the batch. Invariant: a resumed run works as hard as the first one, and finds
//! the files its list names, wherever it is started.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::PaceArguments;

/// Kept with the batch, as JSON.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct RunSettings {
    #[serde(flatten)]
    pub(super) pace: PaceOptions,
    /// Where relative paths of the list begin; absent in batches of older versions.
    #[serde(default)]
    directory: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct PaceOptions {
    pub(super) parallel: Option<u16>,
    pub(super) attempts: Option<u16>,
}

impl RunSettings {
    pub(super) fn new(pace: PaceOptions, directory: &Path) -> Self {
        let directory = directory.to_string_lossy().into_owned();
        Self {
            pace,
            directory: Some(directory),
        }
    }

    /// What was kept with a batch; what cannot be read was not given.
    pub(super) fn read(settings: &str) -> Self {
        serde_json::from_str(settings).unwrap_or_default()
    }

    /// Where relative paths of the list begin: empty for the directory this program runs in.
    pub(super) fn directory(&self) -> PathBuf {
        self.directory.clone().unwrap_or_default().into()
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
}
