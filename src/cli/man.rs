//! `transship man`: writes the manual pages, one for each command.
//!
//! Invariant: their text is that of `--help`.

use std::{fs, path::PathBuf};

use anyhow::Context as _;
use clap::{Args, Command};

use super::{
    exit::Exit,
    output::{shown, tell},
};

#[derive(Args)]
pub(super) struct ManArguments {
    /// Directory for the pages; created if it does not exist.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

pub(super) fn man(arguments: &ManArguments, command: Command) -> anyhow::Result<Exit> {
    let directory = &arguments.directory;
    let written =
        fs::create_dir_all(directory).and_then(|()| clap_mangen::generate_to(command, directory));
    written.with_context(|| format!("cannot write manual pages into {}", shown(directory)))?;
    tell(format_args!(
        "wrote the manual pages into {}",
        shown(directory)
    ));
    Ok(Exit::Good)
}
