//! `transship list`: checks a list, converts one of another tool, writes one of what a registry has, or prints the
//! schema of lists.
//!
//! Invariant: only `from` asks a registry.

use std::io::Write as _;

use clap::Subcommand;

use super::{
    exit::Exit,
    list_check::{CheckArguments, check},
    list_convert::{ConvertArguments, convert},
    list_from::{FromArguments, from},
    output::print,
};
use crate::list as lists;

#[derive(Subcommand)]
pub(super) enum ListCommand {
    /// Report every mistake in a list, or what the list runs, reads and sends. Asks no registry.
    Check(CheckArguments),
    /// Write a TOML list from the file of another tool: skopeo sync, regsync, image-syncer, dregsy, oc, hangar, compose,
    /// Kubernetes, or plain references.
    Convert(ConvertArguments),
    /// Write a TOML list of what a registry has: its repositories, with the tags that are chosen.
    ///
    /// The repositories come from the catalogue of the registry. Where it is closed, they come from Harbor's API, or
    /// from the web API of Docker Hub, which lists public repositories only.
    From(Box<FromArguments>),
    /// Print the JSON schema of lists, for editors.
    Schema {
        /// Print the reference of all keys as Markdown instead.
        #[arg(long)]
        markdown: bool,
    },
}

pub(super) async fn list(command: ListCommand) -> anyhow::Result<Exit> {
    match command {
        ListCommand::Check(arguments) => check(&arguments),
        ListCommand::Convert(arguments) => convert(&arguments),
        ListCommand::From(arguments) => from(*arguments).await,
        ListCommand::Schema { markdown } => schema(markdown),
    }
}

fn schema(markdown: bool) -> anyhow::Result<Exit> {
    print(|output| match markdown {
        true => write!(output, "{}", lists::render_reference()),
        false => writeln!(output, "{}", lists::schema()),
    })?;
    Ok(Exit::Good)
}
