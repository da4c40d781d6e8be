//! `transship copy`: one image from one location to another, as a batch of its own.
//!
//! Decides the options and what is printed for one image. Invariant: it is run, recorded and resumed as a list with this
//! image is.

use std::{io::IsTerminal as _, path::PathBuf};

use anyhow::Context as _;
use clap::{
    Args,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
};

use super::{
    copy_list::{self, CopyRequest},
    credentials_file::CredentialsFileArguments,
    exit::Exit,
    front_end::{self, FrontEnd, Prepared, ProgressChoice, prepare_as},
    journal_arguments::JournalArguments,
    list_run::{RunRequest, run_list},
    list_source::TrustArguments,
    metrics_arguments::MetricsArguments,
    output::shown,
    policy_arguments::PolicyArguments,
    refused_secrets::RefusedSecrets,
    rollback_arguments::RollbackOption,
    run_settings::PaceArguments,
    side_arguments::SideArguments,
};
use crate::{
    batch::{BatchResult, Board, JobView, State},
    list::{CopyKeys, RequireSignature},
    oci::{
        Compression, CopyEngine, Location, ManifestFormat, OnExisting, Platform, RequiredKeys, Tag,
    },
};

#[derive(Args)]
pub(super) struct CopyArguments {
    /// The image: a reference, docker://REFERENCE, or an image in a store of this machine: oci:DIR[:NAME],
    /// oci-archive:FILE[:NAME], dir:DIR, docker-archive:FILE[:NAME], docker-daemon:NAME, containers-storage:NAME.
    source: Location,
    /// Where it goes, written in the same way.
    destination: Location,
    /// Copy only this platform of a multi-platform image, such as linux/arm64; may be repeated [default: all].
    #[arg(long, value_name = "PLATFORM")]
    platform: Vec<Platform>,
    /// Another tag at the destination; may be repeated. The content is copied once.
    #[arg(long, value_name = "TAG")]
    tag: Vec<Tag>,
    /// The media types at the destination, which changes digests [default: those of the source].
    #[arg(long, short, value_parser = format_parser())]
    format: Option<ManifestFormat>,
    /// How to compress layers that the source stores uncompressed [default: gzip].
    #[arg(long, alias = "dest-compress-format", value_parser = compression_parser())]
    compression: Option<Compression>,
    #[command(flatten)]
    attachments: AttachmentArguments,
    /// What to do if the destination tag names another image [default: replace].
    #[arg(long, value_parser = on_existing_parser())]
    on_existing: Option<OnExisting>,
    /// Copy the image only if this public key signed it with cosign; may be repeated, and one key is enough.
    #[arg(long, value_name = "FILE")]
    require_signature: Vec<PathBuf>,
    /// What copies the image: this program, or a skopeo that it runs [default: native].
    #[arg(long, value_parser = engine_parser())]
    engine: Option<CopyEngine>,
    /// Write the digest at the destination to this file.
    #[arg(long, alias = "digestfile", value_name = "FILE")]
    digest_file: Option<PathBuf>,
    /// Use the registry settings of this list: credentials, TLS, proxies.
    #[arg(long = "as-in", value_name = "LIST")]
    like: Option<PathBuf>,
    #[command(flatten)]
    credentials: CredentialsFileArguments,
    #[command(flatten)]
    policy: PolicyArguments,
    #[command(flatten)]
    _secrets: RefusedSecrets,
    #[command(flatten)]
    trust: TrustArguments,
    #[command(flatten)]
    journal: JournalArguments,
    #[command(flatten)]
    pace: PaceArguments,
    #[command(flatten)]
    metrics: MetricsArguments,
    #[command(flatten)]
    output: CopyOutput,
    /// All platforms; what happens without this option, too.
    #[arg(long, short, hide = true, conflicts_with = "platform")]
    all: bool,
    #[command(flatten)]
    sides: SideArguments,
}

#[derive(Args)]
struct AttachmentArguments {
    /// Copy neither referrers (signatures, SBOMs, attestations) nor cosign's tags.
    #[arg(long)]
    no_attachments: bool,
    /// Do not copy referrers.
    #[arg(long)]
    no_referrers: bool,
    /// Do not copy cosign's tags.
    #[arg(long)]
    no_cosign_tags: bool,
    /// Look for new attachments also if the destination has the image already.
    #[arg(long)]
    recheck_attachments: bool,
}

#[derive(Args)]
struct CopyOutput {
    /// Print one line per change instead of bars; the default if stdout is no terminal.
    #[arg(long)]
    headless: bool,
    /// Print one JSON event per line on stdout (schema: assets/events.md).
    #[arg(long)]
    json: bool,
    /// Print nothing, unless the copy fails.
    #[arg(long, short, conflicts_with_all = ["headless", "json"])]
    quiet: bool,
    /// Print lines, and some for starts and single blobs, too.
    #[arg(long, short, conflicts_with_all = ["json", "quiet"])]
    verbose: bool,
    /// How to show progress. --log-format is another name for this option.
    #[arg(
        long,
        visible_alias = "log-format",
        value_enum,
        value_name = "HOW",
        conflicts_with_all = ["headless", "json", "quiet"]
    )]
    progress: Option<ProgressChoice>,
}

pub(super) async fn copy(arguments: CopyArguments) -> anyhow::Result<Exit> {
    let front_end = choose(&arguments.output);
    let detail = front_end::detail(front_end, false, arguments.output.verbose)?;
    let prepared = prepare_as(front_end, arguments.journal.commands()?)?;
    let prepared = Prepared { detail, ..prepared };
    let prepared = prepared.with_metrics(arguments.metrics.prepare_options()?);
    let attachments = arguments.attachments;
    let off = |is_off: bool| (is_off || attachments.no_attachments).then_some(false);
    let request = CopyRequest {
        source: arguments.source,
        destination: arguments.destination,
        tags: arguments.tag,
        platforms: arguments.platform,
        keys: CopyKeys {
            referrers: off(attachments.no_referrers),
            cosign_tags: off(attachments.no_cosign_tags),
            recheck_attachments: attachments.recheck_attachments.then_some(true),
            on_existing: arguments.on_existing.map(|choice| choice.to_string()),
            group: None,
            format: arguments.format.map(|format| format.to_string()),
            compression: (arguments.compression).map(|compression| compression.to_string()),
            engine: arguments.engine.map(|engine| engine.to_string()),
            require_signature: required(&arguments.require_signature)?,
        },
        sides: arguments.sides,
        like: arguments.like,
    };
    let list = match copy_list::write(request, arguments.trust)? {
        Ok(list) => list,
        Err(exit) => return Ok(exit),
    };
    let ran = run_list(
        list,
        RunRequest {
            trust: arguments.trust,
            credentials: arguments.credentials,
            pace: arguments.pace,
            policy: arguments.policy,
            rollback: RollbackOption::default(),
        },
        &arguments.journal,
        prepared,
    );
    let board = match ran.await? {
        Ok(ran) => ran.migrated.finish().await,
        Err(exit) => return Ok(exit),
    };
    if let Some(file) = &arguments.digest_file {
        write_digest(file, &board)?;
    }
    Ok(BatchResult::of(&board).into())
}

/// What a list says about these keys.
fn required(keys: &[PathBuf]) -> anyhow::Result<Option<RequireSignature>> {
    let absolute = |path: &PathBuf| {
        let unusable = || format!("cannot use {}", shown(path));
        let absolute = std::path::absolute(path).with_context(unusable)?;
        // A list has no other names.
        absolute.to_str().with_context(unusable)?;
        anyhow::Ok(absolute)
    };
    let keys: RequiredKeys = keys
        .iter()
        .map(absolute)
        .collect::<anyhow::Result<Vec<_>>>()?
        .into_iter()
        .collect();
    Ok((!keys.is_empty()).then(|| RequireSignature::of(&keys)))
}

fn choose(output: &CopyOutput) -> FrontEnd {
    if let Some(front_end) = output.progress.and_then(ProgressChoice::front_end) {
        return front_end;
    }
    match (output.json, output.headless || output.verbose, output.quiet) {
        (true, ..) => FrontEnd::Json,
        (false, true, _) => FrontEnd::Lines,
        (false, false, true) => FrontEnd::Quiet,
        (false, false, false) if std::io::stdout().is_terminal() => FrontEnd::Inline,
        (false, false, false) => FrontEnd::Lines,
    }
}

/// Writes the digest of the image, if it is at its destination.
fn write_digest(file: &std::path::Path, board: &Board) -> anyhow::Result<()> {
    let is_there = |view: &&JobView| matches!(view.state, State::Copied | State::UpToDate);
    let first = board.jobs().first().filter(is_there);
    match first.and_then(|view| view.root.as_ref()) {
        Some(digest) => std::fs::write(file, digest.to_string())
            .with_context(|| format!("the image was copied; cannot write {}", shown(file))),
        None => Ok(()),
    }
}

fn format_parser() -> impl TypedValueParser<Value = ManifestFormat> {
    // skopeo calls Docker's media types v2s2.
    let values = ManifestFormat::ALL.map(|format| match format {
        ManifestFormat::Oci => PossibleValue::new(format.word()),
        ManifestFormat::Docker => PossibleValue::new(format.word()).alias("v2s2"),
    });
    let read = |word: &str| ManifestFormat::from_word(word).unwrap_or(ManifestFormat::Docker);
    PossibleValuesParser::new(values).map(move |word| read(&word))
}

fn compression_parser() -> impl TypedValueParser<Value = Compression> {
    let words = Compression::ALL.map(Compression::word);
    PossibleValuesParser::new(words).try_map(|word| Compression::from_word(&word).ok_or(Unknown))
}

fn on_existing_parser() -> impl TypedValueParser<Value = OnExisting> {
    let words = OnExisting::ALL.map(OnExisting::word);
    PossibleValuesParser::new(words).try_map(|word| OnExisting::from_word(&word).ok_or(Unknown))
}

fn engine_parser() -> impl TypedValueParser<Value = CopyEngine> {
    let words = CopyEngine::ALL.map(CopyEngine::word);
    PossibleValuesParser::new(words).try_map(|word| CopyEngine::from_word(&word).ok_or(Unknown))
}

/// A word that is none of the possible values.
#[derive(Debug, thiserror::Error)]
#[error("this value is unknown")]
struct Unknown;
