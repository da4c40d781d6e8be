//! `transship delete`: deletes images from registries and layouts.
//!
//! Decides which images are meant, and whether they may be deleted. Invariant: nothing is deleted before every image was
//! checked, and the operator has seen what else goes with them.

use std::{path::Path, sync::Arc};

use anyhow::bail;
use clap::{Args, ValueEnum};
use futures_util::{StreamExt as _, stream};

use super::{
    confirmation::confirm,
    deletion_output::{DeletionOutput, announce, warn},
    exit::Exit,
    list_images,
    list_source::ListSource,
    location_arguments::{location, registries},
    metrics_arguments::MetricsArguments,
    output::tell,
    registry_arguments::RegistryArguments,
};
use crate::{
    batch::BatchResult,
    delete::{self, Deletion, Plan},
    metrics::{Operation, Operations},
    oci::Location,
    present::count,
    transport::Stores,
};

/// Deletions carried out at once. The registries' limits apply as well.
const DELETERS: usize = 8;

#[derive(Args)]
pub(super) struct DeleteArguments {
    /// The images, in a registry or an OCI layout, or one TOML list.
    #[arg(value_name = "IMAGE|LIST", required = true)]
    what: Vec<String>,
    /// Which images of the list to delete.
    #[arg(long, value_enum)]
    side: Option<ListSide>,
    /// Print what would be deleted, and delete nothing.
    #[arg(long)]
    dry_run: bool,
    /// Delete without asking, also tags that name the same manifest.
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
    /// Pass over images that are not there.
    #[arg(long)]
    ignore_missing: bool,
    /// Print one JSON object per image.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    registries: RegistryArguments,
    #[command(flatten)]
    metrics: MetricsArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ListSide {
    /// The images that the list copies.
    Source,
    /// The images that the list makes.
    Destination,
}

pub(super) async fn delete(arguments: DeleteArguments) -> anyhow::Result<Exit> {
    let (stores, images) = match images(&arguments).await? {
        Ok(images) => images,
        Err(exit) => return Ok(exit),
    };
    let metrics = arguments.metrics.prepare_options()?.start(&stores)?;
    let operations = metrics.as_ref().map(|metrics| metrics.operations());
    let plan = delete::plan(&stores, images).await;
    let exit = match may_delete(&arguments, &plan)? {
        Some(exit) => exit,
        None => {
            let output = output(&arguments);
            let failed = carry_out(&plan.deletions, &stores, output, operations.as_ref()).await?;
            let deleted = count(plan.images() - failed, "image");
            tell(format_args!("{deleted} deleted, {failed} failed"));
            match failed {
                0 => Exit::Good,
                _ => Exit::Run(BatchResult::SomeFailed),
            }
        }
    };
    if let Some(metrics) = metrics {
        metrics.finish().await;
    }
    Ok(exit)
}

/// The images, or the exit code after the mistakes of the list were printed.
async fn images(
    arguments: &DeleteArguments,
) -> anyhow::Result<Result<(Arc<Stores>, Vec<Location>), Exit>> {
    if let [file] = &arguments.what[..]
        && Path::new(file).is_file()
    {
        let Some(side) = arguments.side else {
            bail!(
                "a list has sources and destinations: say which to delete, with --side source or --side destination"
            );
        };
        let list = match ListSource::read(Path::new(file))?.parse(arguments.registries.trust) {
            Ok(list) => list,
            Err(exit) => return Ok(Err(exit)),
        };
        let stores = arguments.registries.open_for(&list)?;
        let jobs = match list_images::expand(&list, &stores).await? {
            Ok(jobs) => jobs,
            Err(exit) => return Ok(Err(exit)),
        };
        let images = jobs.into_iter().map(|job| match side {
            ListSide::Source => job.spec.source,
            ListSide::Destination => job.spec.destination,
        });
        return Ok(Ok((stores, images.collect())));
    }
    if arguments.side.is_some() {
        bail!("--side is for a list, which has sources and destinations");
    }
    let images = arguments.what.iter().map(|text| location(text));
    let images: Vec<Location> = images.collect::<anyhow::Result<_>>()?;
    let stores = arguments.registries.open(&registries(&images))?;
    Ok(Ok((stores, images)))
}

/// Prints the plan, and asks. The exit code if nothing is to be deleted.
fn may_delete(arguments: &DeleteArguments, plan: &Plan) -> anyhow::Result<Option<Exit>> {
    let output = output(arguments);
    output.refused(plan)?;
    let is_missing = !plan.missing.is_empty() && !arguments.ignore_missing;
    if is_missing || !plan.problems.is_empty() {
        output.kept(&plan.deletions)?;
        tell("nothing deleted: all images are checked before the first one is deleted");
        return Ok(Some(Exit::Run(BatchResult::SomeFailed)));
    }
    if arguments.dry_run {
        output.planned(&plan.deletions)?;
        return Ok(Some(Exit::Good));
    }
    if plan.deletions.is_empty() {
        tell("nothing to delete");
        return Ok(Some(Exit::Good));
    }
    if arguments.yes {
        warn(plan);
        return Ok(None);
    }
    announce(&plan.deletions);
    let mut what = count(plan.images(), "image");
    if plan.other_tags() > 0 {
        what += &format!(" and {}", count(plan.other_tags(), "other tag"));
    }
    let question = format!("delete {what}?");
    let refusal = format!("nothing deleted; --yes deletes {what} without asking");
    let is_confirmed = confirm(&question, &refusal)?;
    Ok((!is_confirmed).then_some(Exit::Usage))
}

fn output(arguments: &DeleteArguments) -> DeletionOutput {
    DeletionOutput {
        json: arguments.json,
        event: None,
    }
}

/// Deletes, and prints how each deletion ended. The number of images that were not deleted.
pub(super) async fn carry_out(
    deletions: &[Deletion],
    stores: &Stores,
    output: DeletionOutput,
    operations: Option<&Operations>,
) -> anyhow::Result<usize> {
    let mut ended = stream::iter(deletions)
        .map(|deletion| async move { (deletion, counted(stores, deletion, operations).await) })
        .buffered(DELETERS);
    let mut failed = 0;
    while let Some((deletion, result)) = ended.next().await {
        if result.is_err() {
            failed += deletion.images.len();
        }
        output.ended(deletion, &result)?;
    }
    Ok(failed)
}

/// Carries out one deletion, counted once for each image.
async fn counted(
    stores: &Stores,
    deletion: &Deletion,
    operations: Option<&Operations>,
) -> Result<(), delete::Error> {
    let active: Vec<_> = (deletion.images.iter())
        .filter_map(|image| Some((image.store(), operations?.start(Operation::Delete))))
        .collect();
    let result = delete::delete(stores, deletion).await;
    for (store, operation) in active {
        operation.finish(
            &store,
            result.as_ref().copied().map_err(delete::Error::class),
        );
    }
    result
}
