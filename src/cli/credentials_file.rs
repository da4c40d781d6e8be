//! Where `login` and `logout` store credentials.

use std::path::PathBuf;

use clap::Args;

use super::output::shown;
use crate::{
    credentials::{Places, StoredIn},
    present,
};

#[derive(Args)]
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
}

/// Where credentials are stored, to end a sentence.
pub(super) fn storage(stored: &StoredIn) -> String {
    match stored {
        StoredIn::File(file) => format!("in {}, where it is only encoded", shown(file)),
        StoredIn::Helper(name) => format!("by the credential helper {}", present::sanitize(name)),
    }
}
