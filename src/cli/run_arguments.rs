//! The arguments of `transship run`.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use jiff::SignedDuration;

use super::{
    completed_values, credentials_file::CredentialsFileArguments, front_end::OutputArguments,
    journal_arguments::JournalArguments, list_run::RunRequest, list_source::TrustArguments,
    metrics_arguments::MetricsArguments, policy_arguments::PolicyArguments,
    rollback_arguments::RollbackFileArguments, run_settings::PaceArguments,
};
use crate::convert::ListDestination;

#[derive(Args)]
pub(super) struct RunArguments {
    /// The TOML list of images, or - for standard input, which may also have plain references.
    #[arg(add = ArgValueCompleter::new(completed_values::lists))]
    pub(super) list: PathBuf,
    /// Where references from standard input go.
    #[arg(long, value_name = "REGISTRY[/PREFIX]")]
    pub(super) to: Option<ListDestination>,
    /// Run the list again and again, each time this long after the last start, such as 15m or 6h. Prints lines instead of
    /// the screen; ctrl-c ends it.
    #[arg(long, value_name = "TIME", value_parser = interval, conflicts_with_all = ["review", "rollback_file"])]
    pub(super) watch: Option<Duration>,
    /// Delete tags without asking, also more than `prune-limit` of the list says.
    #[arg(long)]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) trust: TrustArguments,
    #[command(flatten)]
    pub(super) credentials: CredentialsFileArguments,
    #[command(flatten)]
    pub(super) policy: PolicyArguments,
    #[command(flatten)]
    pub(super) journal: JournalArguments,
    #[command(flatten)]
    pub(super) pace: PaceArguments,
    #[command(flatten)]
    pub(super) rollback: RollbackFileArguments,
    #[command(flatten)]
    pub(super) metrics: MetricsArguments,
    #[command(flatten)]
    pub(super) output: OutputArguments,
}

impl RunArguments {
    /// How the list is run.
    ///
    /// # Errors
    /// If the rollback file is there already.
    pub(super) fn request(&self) -> anyhow::Result<RunRequest> {
        Ok(RunRequest {
            trust: self.trust,
            credentials: self.credentials.clone(),
            pace: self.pace,
            policy: self.policy.clone(),
            rollback: self.rollback.clone().of_new_batch()?,
        })
    }
}

/// Reads the time between two starts.
fn interval(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<SignedDuration>().ok();
    let parsed = parsed.and_then(|interval| Duration::try_from(interval).ok());
    parsed
        .filter(|interval| *interval >= Duration::from_secs(1))
        .ok_or_else(|| "write for example 90s, 15m or 6h".into())
}
