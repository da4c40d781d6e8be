//! `transship verify`: compares destinations with their sources.
//!
//! Decides which images to compare and how to print differences. Invariant: exit code 0 means that every image was
//! compared and none differs.

use std::{io::Write as _, path::PathBuf, sync::Arc};

use anyhow::Context as _;
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use serde_json::json;

use super::{
    completed_values,
    exit::Exit,
    journal_arguments::JournalArguments,
    list_images, list_input,
    list_source::ListSource,
    location_arguments::{location, registries},
    output::{self, print},
    registry_arguments::RegistryArguments,
};
use crate::{
    batch::{Attempt, BatchId, BatchResult, FailureClass, Job, JobId},
    convert::ListDestination,
    journal::{Journal, Verification},
    oci::{CopySpec, Platform},
    present,
    run::RetryPolicy,
    transport::Stores,
    verify::{Depth, Findings, Verifier},
};

/// Images compared at once.
const COMPARERS: usize = 16;

#[derive(Args)]
pub(super) struct VerifyArguments {
    /// A TOML list, the name of a batch, or the source of one image. - is a list or references from standard input.
    #[arg(value_name = "LIST|BATCH|SOURCE",
        add = ArgValueCompleter::new(completed_values::lists_and_batches))]
    what: String,
    /// The destination of the image.
    destination: Option<String>,
    /// Where references from standard input go.
    #[arg(long, value_name = "REGISTRY[/PREFIX]", conflicts_with = "destination")]
    to: Option<ListDestination>,
    /// Compare only this platform of the source's index; can be repeated.
    #[arg(long, value_name = "PLATFORM", requires = "destination")]
    platform: Vec<Platform>,
    /// Check that every child, blob and referrer exists, not only the digests.
    #[arg(long)]
    deep: bool,
    /// Read every blob of the destination and compute its digest; implies --deep.
    #[arg(long)]
    rehash: bool,
    /// Attempts per image, the first included; only transient failures are retried.
    #[arg(long, value_name = "TIMES", value_parser = clap::value_parser!(u16).range(1..))]
    attempts: Option<u16>,
    /// Print one JSON object per image.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    registries: RegistryArguments,
    #[command(flatten)]
    journal: JournalArguments,
}

pub(super) async fn verify(arguments: VerifyArguments) -> anyhow::Result<Exit> {
    let (stores, jobs, batch) = match images(&arguments).await? {
        Ok(images) => images,
        Err(exit) => return Ok(exit),
    };
    let depth = match (arguments.rehash, arguments.deep) {
        (true, _) => Depth::Bytes,
        (false, true) => Depth::Content,
        (false, false) => Depth::Digests,
    };
    let verifier = Verifier::new(depth);
    let policy = RetryPolicy::default();
    let policy = RetryPolicy {
        attempts: arguments.attempts.unwrap_or(policy.attempts),
        ..policy
    };
    let count = jobs.len();
    let mut found = Vec::new();
    let mut comparisons = stream::iter(jobs)
        .map(|job| compare(&stores, &verifier, &policy, job))
        .buffered(COMPARERS);
    let (mut different, mut unknown) = (0, 0);
    while let Some((job, compared)) = comparisons.next().await {
        match &compared {
            Ok(findings) => different += usize::from(!findings.differences.is_empty()),
            Err(_) => unknown += 1,
        }
        print_result(&job, &compared, arguments.json)?;
        if batch.is_some() {
            found.push((job.id, verification(depth, &compared)));
        }
    }
    if let Some((journal, batch)) = batch
        && let Err(error) = journal.record_verifications(&batch, &found).await
    {
        output::tell(format_args!(
            "transship: the results are not kept for reports: failed to {error}"
        ));
    }
    let same = count - different - unknown;
    output::tell(format_args!(
        "{count} images: {same} equal, {different} different, {unknown} could not be compared"
    ));
    Ok(if same == count {
        Exit::Good
    } else {
        Exit::Run(BatchResult::SomeFailed)
    })
}

/// What is compared, and the batch that it is.
type Images = (Arc<Stores>, Vec<Job>, Option<(Journal, BatchId)>);

async fn images(arguments: &VerifyArguments) -> anyhow::Result<Result<Images, Exit>> {
    if let Some(destination) = &arguments.destination {
        let (source, destination) = (location(&arguments.what)?, location(destination)?);
        let named = registries([&source, &destination]);
        let spec = CopySpec {
            platforms: arguments.platform.clone(),
            ..CopySpec::new(source, destination)
        };
        let job = Job { id: JobId(0), spec };
        return Ok(Ok((arguments.registries.open(&named)?, vec![job], None)));
    }
    let file = PathBuf::from(&arguments.what);
    let to = arguments.to.as_ref();
    let is_list = to.is_some() || list_input::is_standard_input(&file) || file.exists();
    let (source, jobs, batch) = if is_list {
        (list_input::read(&file, to)?, Vec::new(), None)
    } else {
        let journal = arguments.journal.journal()?.existing().await?;
        let journal = journal.with_context(|| {
            let what = present::sanitize(&arguments.what).into_owned();
            format!("{what} is not a file, and there is no journal with a batch of that name")
        })?;
        let id = arguments.journal.find(&journal, &arguments.what).await?;
        let stored = journal.load_jobs(&id).await?;
        let source = ListSource::of(&stored);
        let jobs: Vec<_> = stored.jobs.into_iter().map(|job| job.job).collect();
        let batch = (!jobs.is_empty()).then_some((journal, id));
        (source, jobs, batch)
    };
    let list = match source.parse(arguments.registries.trust) {
        Ok(list) => list,
        Err(exit) => return Ok(Err(exit)),
    };
    let stores = arguments.registries.open_for(&list)?;
    // From a list, or from a batch that ended before its images were known.
    let jobs = if jobs.is_empty() {
        match list_images::expand(&list, &stores).await? {
            Ok(jobs) => jobs,
            Err(exit) => return Ok(Err(exit)),
        }
    } else {
        jobs
    };
    Ok(Ok((stores, jobs, batch)))
}

type Compared = anyhow::Result<Findings>;

/// Compares an image, and retries after transient failures. The verifier does not check again what it found equal.
async fn compare(
    stores: &Stores,
    verifier: &Verifier,
    policy: &RetryPolicy,
    job: Job,
) -> (Job, Compared) {
    let compared = async {
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match verifier.verify(stores, &job.spec).await {
                Ok(findings) => return Ok(findings),
                Err(error) => error,
            };
            match error.class() {
                FailureClass::Transient { retry_after_ms } if tries < policy.attempts => {
                    let wait = policy.delay(job.id, tries, retry_after_ms.map(Into::into));
                    let next = present::next_attempt(wait, Attempt(tries), Some(policy.attempts));
                    let error = error.to_string();
                    let error = present::sanitize(&error);
                    let destination = job.spec.destination.to_string();
                    let destination = present::sanitize(&destination);
                    output::tell(format_args!("{destination}: {error}; {next}"));
                    tokio::time::sleep(wait).await;
                }
                _ => return Err(error.into()),
            }
        }
    };
    let compared = compared.await;
    (job, compared)
}

/// A result as the journal keeps it.
fn verification(depth: Depth, compared: &Compared) -> Verification {
    let depth = match depth {
        Depth::Digests => "digests",
        Depth::Content => "content",
        Depth::Bytes => "bytes",
    };
    let sentences = |findings: &Findings| {
        let differences = findings.differences.iter();
        differences.map(ToString::to_string).collect()
    };
    let compared = compared.as_ref().map(sentences);
    let compared = compared.map_err(|error| format!("{error:#}"));
    Verification::new(Timestamp::now(), depth, compared)
}

fn print_result(job: &Job, compared: &Compared, json: bool) -> std::io::Result<()> {
    let error = compared.as_ref().err().map(|error| format!("{error:#}"));
    let findings = compared.as_ref().ok();
    let lines = |findings: &Findings| {
        let differences = findings.differences.iter();
        differences.map(ToString::to_string).collect::<Vec<_>>()
    };
    let differences = findings.map(lines);
    let notes = findings.map(|findings| findings.notes.iter());
    let notes: Vec<String> = notes
        .into_iter()
        .flatten()
        .map(ToString::to_string)
        .collect();
    if json {
        let mut line = json!({
            "source": job.spec.source.to_string(),
            "destination": job.spec.destination.to_string(),
            "differences": differences,
            "error": error,
        });
        if !notes.is_empty() {
            line["notes"] = json!(notes);
        }
        let line = output::json(&line)?;
        return print(|output| writeln!(output, "{line}"));
    }
    let destination = job.spec.destination.to_string();
    let destination = present::sanitize(&destination);
    for note in notes {
        output::tell(format_args!("{destination}: {}", present::sanitize(&note)));
    }
    let error = error.map(|error| format!("could not be compared: {error}"));
    let lines = differences.into_iter().flatten().chain(error);
    let lines: Vec<String> = lines.collect();
    print(|output| {
        lines
            .iter()
            .try_for_each(|line| writeln!(output, "{destination}: {}", present::sanitize(line)))
    })
}
