//! The option for the file of stored credentials.
//!
//! Invariant: without it the files are those that docker, podman and skopeo use.

use std::path::{Path, PathBuf};

use clap::Args;

use super::output::shown;
use crate::{
    credentials::{Places, StoredIn},
    present,
};

#[derive(Args, Clone, Debug, Default)]
pub(super) struct CredentialsFileArguments {
    /// The credentials file, instead of those of docker and podman.
    #[arg(long, value_name = "FILE", env = "REGISTRY_AUTH_FILE")]
    authfile: Option<PathBuf>,
}

impl CredentialsFileArguments {
    pub(super) fn places(&self) -> Places {
        self.authfile
            .clone()
            .map_or_else(Places::of_environment, Places::only)
    }

    /// The same with an absolute path, which can be stored.
    pub(super) fn absolute(self) -> std::io::Result<Self> {
        let authfile = self.authfile.map(std::path::absolute).transpose()?;
        Ok(Self { authfile })
    }

    /// These arguments, or the stored file where they name none.
    pub(super) fn or_stored(self, stored: Option<PathBuf>) -> Self {
        Self {
            authfile: self.authfile.or(stored),
        }
    }

    pub(super) fn path(&self) -> Option<&Path> {
        self.authfile.as_deref()
    }
}

/// Where credentials are stored, to end a sentence.
pub(super) fn storage(stored: &StoredIn) -> String {
    match stored {
        StoredIn::File(file) => format!("in {}, where it is only encoded", shown(file)),
        StoredIn::Helper(name) => format!("by the credential helper {}", present::sanitize(name)),
    }
}
