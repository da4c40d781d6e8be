//! `transship list`: checks a list, converts one of another tool, or prints the schema of lists.
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
    list_convert::{ConvertArguments, convert},
    list_input,
    list_source::TrustArguments,
    output::{print, shown},
};
use crate::{convert::ListDestination, list as lists, present};

#[derive(Subcommand)]
pub(super) enum ListCommand {
    /// Report every mistake in a list, or what the list runs, reads and sends. Asks no registry.
    Check {
        /// The TOML list, or - for standard input, which may also have plain references.
        #[arg(add = ArgValueCompleter::new(completed_values::lists))]
        file: PathBuf,
        /// Where references from standard input go.
        #[arg(long, value_name = "REGISTRY[/PREFIX]")]
        to: Option<ListDestination>,
        #[command(flatten)]
        trust: TrustArguments,
    },
    /// Write a TOML list from the file of another tool: skopeo sync, regsync, image-syncer, dregsy, oc, hangar, compose,
    /// Kubernetes, or plain references.
    Convert(ConvertArguments),
    /// Print the JSON schema of lists, for editors.
    Schema {
        /// Print the reference of all keys as Markdown instead.
        #[arg(long)]
        markdown: bool,
    },
}

pub(super) fn list(command: ListCommand) -> anyhow::Result<Exit> {
    match command {
        ListCommand::Check { file, to, trust } => check(&file, to.as_ref(), trust),
        ListCommand::Convert(arguments) => convert(&arguments),
        ListCommand::Schema { markdown } => schema(markdown),
    }
}

fn check(file: &Path, to: Option<&ListDestination>, trust: TrustArguments) -> anyhow::Result<Exit> {
    let source = list_input::read(file, to)?;
    let list = match source.parse(trust) {
        Ok(list) => list,
        Err(exit) => return Ok(exit),
    };
    print(|output| {
        writeln!(output, "{}: {}", shown(&source.path), list.summary())?;
        let actions = list.actions();
        let mut lines = actions.iter().map(ToString::to_string);
        lines.try_for_each(|line| writeln!(output, "  {}", present::sanitize(&line)))
    })?;
    Ok(Exit::Good)
}

fn schema(markdown: bool) -> anyhow::Result<Exit> {
    print(|output| match markdown {
        true => write!(output, "{}", lists::render_reference()),
        false => writeln!(output, "{}", lists::schema()),
    })?;
    Ok(Exit::Good)
}
