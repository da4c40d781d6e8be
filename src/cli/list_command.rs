//! `transship list`: checks a list, or prints the schema of lists.
//!
//! Invariant: no registry is asked.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use clap::Subcommand;
use clap_complete::engine::ArgValueCompleter;

use super::{
    completed_values,
    exit::Exit,
    list_source::{ListSource, TrustArguments},
    output::{print, shown},
};
use crate::{list as lists, present};

#[derive(Subcommand)]
pub(super) enum ListCommand {
    /// Report every mistake in a list, or what the list runs, reads and sends. Asks no registry.
    Check {
        /// The TOML list.
        #[arg(add = ArgValueCompleter::new(completed_values::lists))]
        file: PathBuf,
        #[command(flatten)]
        trust: TrustArguments,
    },
    /// Print the JSON schema of lists, for editors.
    Schema,
}

pub(super) fn list(command: ListCommand) -> anyhow::Result<Exit> {
    match command {
        ListCommand::Check { file, trust } => check(&file, trust),
        ListCommand::Schema => schema(),
    }
}

fn check(file: &Path, trust: TrustArguments) -> anyhow::Result<Exit> {
    let source = ListSource::read(file)?;
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

fn schema() -> anyhow::Result<Exit> {
    print(|output| writeln!(output, "{}", lists::schema()))?;
    Ok(Exit::Good)
}
