//! Reads the list of a command, from a file or from a batch.
//!
//! Decides where relative paths of a list begin, and whether it may run commands. Invariant: every command reads a list
//! in the same way.

use std::{
    io::{IsTerminal as _, Write as _, stderr},
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;

use super::{exit::Exit, output::shown, run_settings::RunSettings};
use crate::{
    journal::Stored,
    list::{Colours, Directories, List, Mistakes},
};

/// What a list may do.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(super) struct TrustArguments {
    /// Refuse a list that runs commands (password-command, create-command, and a skopeo of its own).
    #[arg(long)]
    no_commands: bool,
}

/// The text of a list, not parsed yet.
pub(super) struct ListSource {
    /// As the operator wrote it.
    pub(super) path: PathBuf,
    pub(super) text: String,
    pub(super) directories: Directories,
}

impl ListSource {
    pub(super) fn read(file: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read the list {}", shown(file)))?;
        Ok(Self {
            path: file.to_owned(),
            text,
            directories: directories_of(file).with_context(|| {
                format!("cannot find the directory of the list {}", shown(file))
            })?,
        })
    }

    /// The list of a batch, as it was when the batch was made.
    pub(super) fn of(stored: &Stored) -> Self {
        Self {
            path: stored.list_path.clone(),
            text: stored.list_text.clone(),
            directories: RunSettings::read(&stored.settings).directories(),
        }
    }

    /// The list, or the exit code after its mistakes were printed.
    pub(super) fn parse(&self, trust: TrustArguments) -> Result<List, Exit> {
        self.checked(trust).map_err(|mistakes| report(&mistakes))
    }

    /// The list, or its mistakes.
    pub(super) fn checked(&self, trust: TrustArguments) -> Result<List, Mistakes> {
        let list = List::parse_in(&self.directories, &shown(&self.path), &self.text);
        let allowed = |list: List| match trust.no_commands {
            true => list.without_commands().map(|()| list),
            false => Ok(list),
        };
        list.and_then(allowed)
    }
}

/// The directory of a list, and the working directory. A pipe is in the working directory.
fn directories_of(file: &Path) -> std::io::Result<Directories> {
    let working = std::env::current_dir()?;
    let list = match file.is_file() {
        true => {
            let file = std::path::absolute(file)?;
            file.parent().unwrap_or(&file).to_owned()
        }
        false => working.clone(),
    };
    Ok(Directories { list, working })
}

/// Prints everything that is wrong with a list.
pub(super) fn report(mistakes: &Mistakes) -> Exit {
    let coloured = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let colours = if coloured { Colours::On } else { Colours::Off };
    // Not through `output`: it has colours, and escapes what it quotes.
    let _ = writeln!(stderr(), "{}", mistakes.render(colours));
    Exit::Usage
}
