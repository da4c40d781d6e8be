//! `transship verify`: whether what was moved is at its destination as it is at its source.
//!
//! Decides which images are meant by a list or a batch, and how findings are told. Invariant: exit code 0 means
//! that every image was compared and nothing differs.

use std::{io::Write as _, path::PathBuf};

use anyhow::Context as _;
use clap::Args;
use futures_util::{StreamExt, stream};
use serde_json::json;

use super::{Exit, JournalArguments, lists, output::print, run, settings, shown};
use crate::{
    batch::{Attempt, Job, Verdict},
    copy::Engine,
    list::List,
    present,
    registry::Class,
    run::Policy,
    verify::{Depth, Image, Verifier},
};

/// Images compared at once.
const COMPARERS: usize = 16;

#[derive(Args)]
pub(super) struct VerifyArguments {
    /// A TOML list, or the name of a batch.
    #[arg(value_name = "LIST|BATCH")]
    what: String,
    /// Look for every child, blob and referrer, not only at digests.
    #[arg(long)]
    deep: bool,
    /// Read every blob of the destination and compute its digest; implies --deep.
    #[arg(long)]
    rehash: bool,
    /// Attempts per image, the first included, when a registry is busy or a connection breaks.
    #[arg(long, value_name = "TIMES", value_parser = clap::value_parser!(u16).range(1..))]
    attempts: Option<u16>,
    /// Print one JSON object an image.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    journal: JournalArguments,
}

pub(super) async fn verify(arguments: VerifyArguments) -> anyhow::Result<Exit> {
    let (engine, jobs) = match images(&arguments).await? {
        Ok(images) => images,
        Err(exit) => return Ok(exit),
    };
    let depth = match (arguments.rehash, arguments.deep) {
        (true, _) => Depth::Bytes,
        (false, true) => Depth::Content,
        (false, false) => Depth::Digests,
    };
    let verifier = Verifier::new(depth);
    let policy = Policy::default();
    let policy = Policy {
        attempts: arguments.attempts.unwrap_or(policy.attempts),
        ..policy
    };
    let count = jobs.len();
    let mut comparisons = stream::iter(jobs)
        .map(|job| compare(&engine, &verifier, &policy, job))
        .buffered(COMPARERS);
    let (mut different, mut unknown) = (0, 0);
    while let Some((job, compared)) = comparisons.next().await {
        match &compared {
            Ok(differences) => different += usize::from(!differences.is_empty()),
            Err(_) => unknown += 1,
        }
        tell(&job, &compared, arguments.json)?;
    }
    let same = count - different - unknown;
    eprintln!(
        "{count} images: {same} the same, {different} different, {unknown} could not be compared"
    );
    Ok(if same == count {
        Exit::Good
    } else {
        Exit::Run(Verdict::SomeFailed)
    })
}

async fn images(arguments: &VerifyArguments) -> anyhow::Result<Result<(Engine, Vec<Job>), Exit>> {
    let file = PathBuf::from(&arguments.what);
    let (name, text, jobs) = if file.exists() {
        (shown(&file), lists::read(&file)?, Vec::new())
    } else {
        let journal = arguments.journal.journal()?.existing().await?;
        let journal = journal.with_context(|| {
            let what = present::plain(&arguments.what).into_owned();
            format!("{what} is no file, and there is no journal with a batch of that name")
        })?;
        let stored = journal
            .load(&arguments.journal.find(&journal, &arguments.what).await?)
            .await?;
        let jobs = stored.jobs.into_iter().map(|job| job.job).collect();
        (shown(&stored.list_path), stored.list_text, jobs)
    };
    let list = match List::parse(&name, &text) {
        Ok(list) => list,
        Err(mistakes) => return Ok(Err(lists::report(&mistakes))),
    };
    let engine = settings::engine(&list)?;
    // A list, or a batch that ended before its images were known.
    let jobs = if jobs.is_empty() {
        match run::expand(&list, &engine).await? {
            Ok(jobs) => jobs,
            Err(exit) => return Ok(Err(exit)),
        }
    } else {
        jobs
    };
    Ok(Ok((engine, jobs)))
}

type Compared = anyhow::Result<Vec<String>>;

/// Compares an image, again when what keeps it from being compared may pass; what was found sound until then is
/// not looked at again.
async fn compare(
    engine: &Engine,
    verifier: &Verifier,
    policy: &Policy,
    job: Job,
) -> (Job, Compared) {
    let compared = async {
        let source = engine.client(&job.source.registry)?;
        let destination = engine.client(&job.destination.registry)?;
        let image = Image {
            source: job.source.clone(),
            destination: job.destination.clone(),
            platforms: job.platforms.clone(),
            attachments: job.attachments,
        };
        let mut tries = 0;
        let differences = loop {
            tries += 1;
            let error = match verifier.verify(&source, &destination, &image).await {
                Ok(differences) => break differences,
                Err(error) => error,
            };
            match error.class() {
                Class::Transient { retry_after } if tries < policy.attempts => {
                    let wait = policy.delay(job.id, tries, retry_after);
                    let next = present::next_attempt(wait, Attempt(tries), Some(policy.attempts));
                    let said = error.to_string();
                    eprintln!("{}: {}; {next}", job.destination, present::plain(&said));
                    tokio::time::sleep(wait).await;
                }
                _ => return Err(error.into()),
            }
        };
        Ok(differences.iter().map(ToString::to_string).collect())
    };
    let compared = compared.await;
    (job, compared)
}

fn tell(job: &Job, compared: &Compared, json: bool) -> std::io::Result<()> {
    let error = compared.as_ref().err().map(|error| format!("{error:#}"));
    if json {
        let line = json!({
            "source": job.source.to_string(),
            "destination": job.destination.to_string(),
            "differences": compared.as_ref().ok(),
            "error": error,
        });
        return print(|output| writeln!(output, "{line}"));
    }
    let findings = compared.as_ref().map(Vec::as_slice).unwrap_or_default();
    let error = error.map(|error| format!("could not be compared: {error}"));
    print(|output| {
        let mut findings = findings.iter().chain(&error);
        findings.try_for_each(|finding| {
            writeln!(output, "{}: {}", job.destination, present::plain(finding))
        })
    })
}
