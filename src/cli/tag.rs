//! `transship tag`: gives an image further tags in its repository, or further names in its layout.
//!
//! Decides whether tags that name other images may change. Invariant: no tag is written before all were looked up.

use std::io::Write as _;

use clap::Args;

use super::{
    confirmation::confirm,
    exit::Exit,
    location_arguments::{location, registries},
    output::{print, tell},
    read_error::ReadError,
    registry_arguments::RegistryArguments,
};
use crate::{
    batch::BatchResult,
    inspect,
    oci::{Location, Tag},
    present::{count, sanitize},
    retag::{Error, Plan},
};

#[derive(Args)]
pub(super) struct TagArguments {
    /// The image, in a registry or an OCI layout.
    image: String,
    /// The tags that it gets.
    #[arg(required = true, value_name = "TAG")]
    tags: Vec<Tag>,
    /// Change tags that name other images without asking.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    registries: RegistryArguments,
}

pub(super) async fn tag(arguments: TagArguments) -> anyhow::Result<Exit> {
    let image = location(&arguments.image)?;
    let stores = arguments.registries.open(&registries([&image]))?;
    let plan = Plan::new(&stores, &image, &arguments.tags).await;
    let plan = plan.map_err(|error| explain(&image, error))?;
    if !arguments.yes && !may_replace(&plan)? {
        return Ok(Exit::Usage);
    }
    let mut failures = 0;
    for tag in &plan.tags {
        let location = tag.location.to_string();
        let location = sanitize(&location);
        match plan.write(&stores, tag).await {
            Ok(()) => print(|output| writeln!(output, "{location}: {}", plan.digest()))?,
            Err(error) => {
                failures += 1;
                tell(format_args!("{location}: {}", explain(&image, error)));
            }
        }
    }
    Ok(match failures {
        0 => Exit::Good,
        _ => Exit::Run(BatchResult::SomeFailed),
    })
}

/// Whether tags that name other images may change.
fn may_replace(plan: &Plan) -> std::io::Result<bool> {
    let mut replaced = 0;
    for (location, digest) in plan.replaced() {
        tell(format_args!("{location} names another image, {digest}"));
        replaced += 1;
    }
    if replaced == 0 {
        return Ok(true);
    }
    let tags = count(replaced, "tag");
    confirm(
        &format!("change {tags} to {}?", plan.digest()),
        &format!("no tag written; --yes changes {tags} without asking"),
    )
}

fn explain(image: &Location, error: Error) -> anyhow::Error {
    match error {
        Error::Store(error) => ReadError::from(inspect::Error::new(&image.store(), error)).into(),
        Error::Missing(_) | Error::Unsupported(_) => anyhow::anyhow!("{error}"),
    }
}
