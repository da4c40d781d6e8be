//! `transship repos`: lists the repositories of a registry.

use std::io::Write as _;

use clap::Args;

use super::{
    exit::{CODES_OF_READING, Exit},
    output::{json, print, tell},
    read_error::ReadError,
    registry_arguments::RegistryArguments,
};
use crate::{
    catalogue::{RegistryPath, repositories},
    present::{count, sanitize},
};

#[derive(Args)]
#[command(after_help = CODES_OF_READING)]
pub(super) struct ReposArguments {
    /// The registry, or a project or namespace of it.
    #[arg(value_name = "REGISTRY[/PROJECT]")]
    place: RegistryPath,
    /// Print a JSON array.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    registries: RegistryArguments,
}

pub(super) async fn repos(arguments: ReposArguments) -> anyhow::Result<Exit> {
    let place = &arguments.place;
    let stores = arguments
        .registries
        .open(std::slice::from_ref(&place.registry))?;
    let client = stores.clients().get(&place.registry)?;
    let mut found = repositories(&client, place)
        .await
        .map_err(ReadError::from)?;
    tell_invalid(found.invalid);
    found.names.sort();
    let mut names = found.names.iter().map(ToString::to_string);
    print(|output| match arguments.json {
        true => writeln!(output, "{}", json(&names.collect::<Vec<_>>())?),
        false => names.try_for_each(|name| writeln!(output, "{}", sanitize(&name))),
    })?;
    Ok(Exit::Good)
}

pub(super) fn tell_invalid(invalid: usize) {
    if invalid > 0 {
        let names = count(invalid, "name");
        tell(format_args!(
            "transship: ignored {names} that are no valid repositories"
        ));
    }
}
