//! `transship tags`: lists the tags of a repository, or the names of a store of this machine.

use std::io::Write as _;

use anyhow::{Context as _, bail};
use clap::Args;

use super::{
    exit::{CODES_OF_READING, Exit},
    location_arguments::{local_store, location, without_prefix},
    output::{json, print, tell},
    read_error::ReadError,
    registry_arguments::RegistryArguments,
};
use crate::{
    inspect::{Answer, Collection, Inspector, Request},
    oci::{PartialReference, Registry},
    present::{count, sanitize},
};

#[derive(Args)]
#[command(after_help = CODES_OF_READING)]
pub(super) struct TagsArguments {
    /// The repository or store, for example registry.example.com/team/api or oci:DIRECTORY.
    #[arg(value_name = "REPOSITORY|STORE")]
    collection: String,
    /// Print a JSON array.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    registries: RegistryArguments,
}

pub(super) async fn tags(arguments: TagsArguments) -> anyhow::Result<Exit> {
    let collection = collection(&arguments.collection)?;
    let registry: Vec<Registry> = match &collection {
        Collection::Repository(repository) => vec![repository.registry.clone()],
        Collection::Local(_) => Vec::new(),
    };
    let inspector = Inspector::new(arguments.registries.open(&registry)?);
    let answer = inspector.answer(&Request::Images(collection)).await;
    let Answer::Images(listing) = answer.map_err(ReadError::from)? else {
        bail!("the inspector did not return names");
    };
    if listing.invalid > 0 {
        let names = count(listing.invalid, "name");
        tell(format_args!(
            "transship: ignored {names} that are no valid tags"
        ));
    }
    let mut tags = listing.entries.iter().map(ToString::to_string);
    print(|output| match arguments.json {
        true => writeln!(output, "{}", json(&tags.collect::<Vec<_>>())?),
        false => tags.try_for_each(|tag| writeln!(output, "{}", sanitize(&tag))),
    })?;
    Ok(Exit::Good)
}

fn collection(text: &str) -> anyhow::Result<Collection> {
    if let Some(store) = local_store(text)? {
        return Ok(Collection::Local(store));
    }
    let image = location(text)?;
    if let Some(image) = image.local() {
        bail!(
            "{image} is an image; leave out its name to list {}",
            image.store
        );
    }
    let written: PartialReference =
        (without_prefix(text).parse()).with_context(|| format!("{text:?} is not a repository"))?;
    if written.tag.is_some() || written.digest.is_some() {
        bail!("a repository has neither tag nor digest");
    }
    Ok(Collection::of(&image))
}
