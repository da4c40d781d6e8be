//! `transship tags`: lists the tags of a repository.

use std::io::Write as _;

use anyhow::{Context as _, bail};
use clap::Args;

use super::{
    exit::Exit,
    output::{json, print, tell},
    reference_arguments::{failed, reference},
    registry_arguments::RegistryArguments,
};
use crate::{
    inspect::{Answer, RepositoryId, Request},
    oci::PartialReference,
    present::count,
};

#[derive(Args)]
pub(super) struct TagsArguments {
    /// The repository, for example registry.example.com/team/api.
    repository: String,
    /// Print a JSON array.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    registries: RegistryArguments,
}

pub(super) async fn tags(arguments: TagsArguments) -> anyhow::Result<Exit> {
    let written: PartialReference = (arguments.repository.parse())
        .with_context(|| format!("{:?} is not a repository", arguments.repository))?;
    if written.tag.is_some() || written.digest.is_some() {
        bail!("a repository has neither tag nor digest");
    }
    let place = RepositoryId::of(&reference(&arguments.repository)?);
    let registries = arguments
        .registries
        .open(std::slice::from_ref(&place.registry))?;
    let request = Request::Tags(place);
    let answer = registries.inspector().answer(&request).await;
    let Answer::Tags(listing) = answer.map_err(failed)? else {
        bail!("the inspector did not return tags");
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
        false => tags.try_for_each(|tag| writeln!(output, "{tag}")),
    })?;
    Ok(Exit::Good)
}
