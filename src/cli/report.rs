//! `transship report`: what a batch did, as a file to keep or to send.
//!
//! Decides which batch, which format and where the report goes. Invariant: a file has the whole report or is not
//! changed.

use std::{io::Write as _, path::PathBuf};

use anyhow::{Context as _, bail};
use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};
use clap_complete::engine::ArgValueCandidates;
use jiff::Timestamp;

use super::{
    completed_values,
    exit::Exit,
    journal_arguments::JournalArguments,
    new_file,
    output::{print, shown, tell},
};
use crate::{
    journal::{BatchSummary, Journal},
    report::{self, BatchReport, Format},
};

#[derive(Args)]
pub(super) struct ReportArguments {
    /// The name of the batch, or a unique part of it [default: the newest batch].
    #[arg(add = ArgValueCandidates::new(completed_values::batches))]
    batch: Option<String>,
    /// The format [default: by the ending of the file, else md].
    #[arg(long, value_parser = format_parser())]
    format: Option<Format>,
    /// Write the report into this file instead of standard output; replaces it.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    journal: JournalArguments,
}

pub(super) async fn report(arguments: ReportArguments) -> anyhow::Result<Exit> {
    let format = format(&arguments)?;
    let journal = arguments.journal.journal()?.existing().await?;
    let journal = journal.context("there is no journal, so no batch to report")?;
    let batch = find(&arguments, &journal).await?;
    let stored = journal.load_jobs(&batch.id).await?;
    let commands = arguments.journal.commands()?;
    let report = BatchReport::new(&batch, stored, Timestamp::now(), &commands);
    let text =
        report::render(&report, format).map_err(|error| anyhow::anyhow!("failed to {error}"))?;
    match &arguments.output {
        Some(file) => {
            new_file::write(file, &text, true)?;
            tell(format_args!(
                "transship: the report of batch {} is in {}",
                batch.id,
                shown(file)
            ));
        }
        None => print(|output| output.write_all(text.as_bytes()))?,
    }
    Ok(Exit::Good)
}

async fn find(arguments: &ReportArguments, journal: &Journal) -> anyhow::Result<BatchSummary> {
    let id = match &arguments.batch {
        Some(name) => Some(arguments.journal.find(journal, name).await?),
        None => None,
    };
    let mut batches = journal.batches().await?.into_iter();
    let batch = match &id {
        Some(id) => batches.find(|batch| batch.id == *id),
        None => batches.next(),
    };
    batch.context("the journal has no batch to report")
}

fn format(arguments: &ReportArguments) -> anyhow::Result<Format> {
    match (arguments.format, &arguments.output) {
        (Some(format), _) => Ok(format),
        (None, None) => Ok(Format::Markdown),
        (None, Some(file)) => match Format::of_file(file) {
            Some(format) => Ok(format),
            None => bail!(
                "the ending of {} is no format: use .html, .md, .csv or .json, or add --format",
                shown(file)
            ),
        },
    }
}

fn format_parser() -> impl TypedValueParser<Value = Format> {
    let read = |word: String| Format::from_word(&word).unwrap_or(Format::Markdown);
    PossibleValuesParser::new(Format::ALL.map(Format::word)).map(read)
}
