//! `transship rollback`: puts tags back to what a rollback file says that they named.
//!
//! Decides whether tags may change, and the exit code. Invariant: no tag is changed before all were looked up, and the
//! operator has seen what will change.

use std::path::PathBuf;

use clap::Args;
use futures_util::{StreamExt as _, stream};

use super::{
    confirmation::confirm, exit::Exit, location_arguments::registries, output::tell,
    registry_arguments::RegistryArguments, rollback_output::RollbackOutput,
};
use crate::{
    batch::BatchResult,
    oci::Location,
    present::count,
    rollback::{Plan, plan, roll_back},
    rollback_file::RollbackFile,
    transport::Stores,
};

/// Tags changed at once. The registries' limits apply as well.
const WRITERS: usize = 16;

#[derive(Args)]
pub(super) struct RollbackArguments {
    /// The file that `transship run --rollback-file` wrote.
    file: PathBuf,
    /// Print what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Change the tags without asking.
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
    /// Print one JSON object per tag.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    registries: RegistryArguments,
}

pub(super) async fn rollback(arguments: RollbackArguments) -> anyhow::Result<Exit> {
    let file = RollbackFile::read(&arguments.file)?;
    let locations = file.changes.iter();
    let locations = locations.map(|change| Location::Registry(change.reference.clone()));
    let locations: Vec<Location> = locations.collect();
    let stores = arguments.registries.open(&registries(&locations))?;
    let plan = plan(&stores, &file).await;
    let output = RollbackOutput {
        json: arguments.json,
    };
    output.unchanged(&plan)?;
    if plan.unknown() > 0 {
        tell("nothing changed: all tags are looked up before the first one is changed");
        return Ok(Exit::Run(BatchResult::SomeFailed));
    }
    let changes = plan.changes().count();
    if changes > 0 && !may_change(&arguments, &output, &plan, changes)? {
        return Ok(match arguments.dry_run {
            true => result(plan.left()),
            false => Exit::Usage,
        });
    }
    let failed = carry_out(&stores, &output, &plan).await?;
    let done = count(changes - failed, "tag");
    let left = plan.left();
    tell(format_args!(
        "{done} rolled back, {failed} failed, {left} left alone"
    ));
    Ok(result(failed + left))
}

/// Prints what will change, and asks.
fn may_change(
    arguments: &RollbackArguments,
    output: &RollbackOutput,
    plan: &Plan,
    changes: usize,
) -> anyhow::Result<bool> {
    if arguments.dry_run {
        output.planned(plan)?;
        return Ok(false);
    }
    if arguments.yes {
        return Ok(true);
    }
    output.announce(plan);
    let tags = count(changes, "tag");
    let question = format!("change {tags}?");
    let refusal = format!("nothing changed; --yes changes {tags} without asking");
    Ok(confirm(&question, &refusal)?)
}

/// Changes the tags; returns how many could not be changed.
async fn carry_out(stores: &Stores, output: &RollbackOutput, plan: &Plan) -> anyhow::Result<usize> {
    let mut ended = stream::iter(plan.changes())
        .map(|tag| async move { (tag, roll_back(stores, tag).await) })
        .buffered(WRITERS);
    let mut failed = 0;
    while let Some((tag, result)) = ended.next().await {
        failed += usize::from(result.is_err());
        output.ended(tag, &result)?;
    }
    Ok(failed)
}

fn result(not_rolled_back: usize) -> Exit {
    match not_rolled_back {
        0 => Exit::Good,
        _ => Exit::Run(BatchResult::SomeFailed),
    }
}
