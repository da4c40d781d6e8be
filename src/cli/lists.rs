//! Lists as commands take them, and `transship list`: what is wrong with one, what it does, what it may say.
//!
//! Decides where relative paths of a list begin, and whether a list may run commands. Invariant: a list is read in
//! one way, whoever asks for it and wherever its text comes from.

use std::{
    io::{IsTerminal as _, Write as _, stderr},
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;

use super::{Exit, output::print, run_settings::RunSettings, shown};
use crate::{
    journal::Stored,
    list::{self, Colours, List, Mistakes},
    present,
};

/// How far a list is trusted.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(super) struct TrustArguments {
    /// Refuse a list that runs commands (password-command, create-command).
    #[arg(long)]
    no_commands: bool,
}

/// A list that was not read for its meaning yet.
pub(super) struct Source {
    /// As the operator named it.
    pub(super) path: PathBuf,
    pub(super) text: String,
    /// Where its relative paths begin.
    pub(super) directory: PathBuf,
}

impl Source {
    pub(super) fn read(file: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read the list {}", shown(file)))?;
        Ok(Self {
            path: file.to_owned(),
            text,
            directory: directory_of(file)
                .with_context(|| format!("cannot tell where the list {} is", shown(file)))?,
        })
    }

    /// The list of a batch, as it was when the batch was made.
    pub(super) fn of(stored: &Stored) -> Self {
        Self {
            path: stored.list_path.clone(),
            text: stored.list_text.clone(),
            directory: RunSettings::read(&stored.settings).directory(),
        }
    }

    /// The list, or the exit code after its mistakes were told.
    pub(super) fn parse(&self, trust: TrustArguments) -> Result<List, Exit> {
        let list = List::parse_in(&self.directory, &shown(&self.path), &self.text);
        let allowed = |list: List| match trust.no_commands {
            true => list.without_commands().map(|()| list),
            false => Ok(list),
        };
        list.and_then(allowed).map_err(|mistakes| report(&mistakes))
    }
}

/// The directory of a list; for a pipe the one this program runs in.
fn directory_of(file: &Path) -> std::io::Result<PathBuf> {
    if !file.is_file() {
        return std::env::current_dir();
    }
    let file = std::path::absolute(file)?;
    Ok(file.parent().unwrap_or(&file).to_owned())
}

pub(super) fn check(file: &Path, trust: TrustArguments) -> anyhow::Result<Exit> {
    let source = Source::read(file)?;
    let list = match source.parse(trust) {
        Ok(list) => list,
        Err(exit) => return Ok(exit),
    };
    print(|output| {
        writeln!(output, "{}: {}", shown(file), list.summary())?;
        let actions = list.actions();
        let mut lines = actions.iter().map(ToString::to_string);
        lines.try_for_each(|line| writeln!(output, "  {}", present::sanitize(&line)))
    })?;
    Ok(Exit::Good)
}

pub(super) fn schema() -> anyhow::Result<Exit> {
    print(|output| writeln!(output, "{}", list::schema()))?;
    Ok(Exit::Good)
}

/// Shows a person everything that is wrong with a list.
pub(super) fn report(mistakes: &Mistakes) -> Exit {
    let coloured = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let colours = if coloured { Colours::On } else { Colours::Off };
    // It is coloured, and makes safe what it quotes.
    let _ = writeln!(stderr(), "{}", mistakes.render(colours));
    Exit::Usage
}
