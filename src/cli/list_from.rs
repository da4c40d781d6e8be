//! `transship list from`: a TOML list of what a registry has.
//!
//! Decides what is said of the result. Invariant: what is left out is said.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::Context as _;
use clap::Args;
use jiff::{Span, Timestamp, civil::Date, tz::TimeZone};

use super::{
    exit::{CODES_OF_READING, Exit, Unread},
    new_file,
    output::{print, shown, tell},
    read_error::ReadError,
    registry_arguments::RegistryArguments,
    repos::tell_invalid,
};
use crate::{
    catalogue::{
        CatalogueSource, FoundTags, ListText, RegistryPath, RepositoryPattern, Style, TagQuery,
        repositories, tags,
    },
    convert::ListDestination,
    list::{DestinationTable, SettingsKeys, SourceTable, TagChoice, TagPattern, VersionRange},
    oci::Registry,
    present::{command, count, sanitize},
};

/// Images without a known time that are named.
const MAX_NAMED: usize = 5;

#[derive(Args)]
#[command(after_help = CODES_OF_READING)]
pub(super) struct FromArguments {
    /// The registry, or a project, namespace or repository of it.
    #[arg(value_name = "REGISTRY[/PROJECT]")]
    place: RegistryPath,
    /// Only repositories like this, below PROJECT if one is given; * is any characters, ? one. May be repeated.
    #[arg(long, value_name = "GLOB")]
    repo: Vec<RepositoryPattern>,
    /// Only tags that this regular expression matches from their first to their last character.
    #[arg(long, value_name = "REGEX")]
    tags: Option<TagPattern>,
    /// Only tags that are versions in this range, such as ">=1.20, <2".
    #[arg(long, value_name = "RANGE")]
    semver: Option<VersionRange>,
    /// Leave out tags that this regular expression matches. May be repeated.
    #[arg(long, value_name = "REGEX")]
    exclude: Vec<TagPattern>,
    /// Of each repository's tags chosen so far, only this many with the highest versions.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    latest: Option<u16>,
    /// Of the tags chosen by the other options, only images pushed or made since, such as 30d, "2 weeks" or 2026-01-31.
    /// The time is Harbor's or Docker Hub's push time, else that in the image's config, which takes two or three
    /// requests for each image. An image without a time is kept.
    #[arg(long, value_name = "AGE|DATE", conflicts_with = "as_patterns")]
    newer_than: Option<Since>,
    /// Write what chooses tags instead of the tags, so that each run of the list asks the registry again; new
    /// repositories are found too, if the registry has a catalogue.
    #[arg(long)]
    as_patterns: bool,
    /// Where the images go.
    #[arg(long, value_name = "REGISTRY[/PREFIX]")]
    to: Option<ListDestination>,
    /// Write the list into this file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file if it exists.
    #[arg(long, requires = "output")]
    force: bool,
    #[command(flatten)]
    registries: RegistryArguments,
}

/// A time, or an age that was subtracted from now.
#[derive(Clone, Copy, Debug)]
struct Since(Timestamp);

pub(super) async fn from(arguments: FromArguments) -> anyhow::Result<Exit> {
    if let Some(file) = &arguments.output {
        new_file::check(file, arguments.force)?;
    }
    let place = &arguments.place;
    let registry = &place.registry;
    let stores = arguments.registries.open(std::slice::from_ref(registry))?;
    let client = stores.clients().get(registry)?;
    let found = repositories(&client, place)
        .await
        .map_err(ReadError::from)?;
    tell_invalid(found.invalid);
    let source = found.source;
    let mut names = found.names;
    let patterns = &arguments.repo;
    let path = place.path.as_ref();
    if !patterns.is_empty() {
        names.retain(|name| patterns.iter().any(|pattern| pattern.matches(path, name)));
    }
    names.sort();
    let query = TagQuery {
        choice: TagChoice {
            pattern: arguments.tags.clone(),
            semver: arguments.semver.clone(),
            exclude: arguments.exclude.clone(),
            latest: arguments.latest,
        },
        newer_than: arguments.newer_than.map(|since| since.0),
    };
    let listed = names.len();
    let chosen = tags(&stores, (registry, source), names, &query)
        .await
        .map_err(ReadError::from)?;
    tell_left_out(&chosen);
    if chosen.repositories.is_empty() {
        let repositories = count(listed, "repository");
        let sentence =
            format!("no tag of {place} is chosen, of {repositories}; no list is written");
        return Err(ReadError::not_found(sanitize(&sentence).into_owned()).into());
    }
    let text = ListText {
        place,
        source: source_table(registry, &arguments.registries),
        destination: arguments.to.as_ref().map(destination_table),
        patterns,
        choice: &query.choice,
        catalogue: source,
        style: match arguments.as_patterns {
            true => Style::Patterns,
            false => Style::Tags,
        },
    };
    let text = text.write(&chosen).context("cannot write the list")?;
    match &arguments.output {
        Some(file) => new_file::write(file, &text, arguments.force)?,
        None => print(|output| output.write_all(text.as_bytes()))?,
    }
    tell_result(&arguments, source, &chosen);
    Ok(match chosen.unreadable.is_empty() {
        true => Exit::Good,
        false => Exit::Unread(Unread::Failed),
    })
}

fn source_table(registry: &Registry, arguments: &RegistryArguments) -> SourceTable {
    SourceTable {
        registry: Some(registry.to_string()),
        settings: SettingsKeys {
            plain_http: arguments.plain_http().then_some(true),
            ..SettingsKeys::default()
        },
        ..SourceTable::default()
    }
}

fn destination_table(to: &ListDestination) -> DestinationTable {
    DestinationTable {
        registry: Some(to.registry.to_string()),
        prefix: to.prefix.as_ref().map(ToString::to_string),
        ..DestinationTable::default()
    }
}

fn tell_left_out(found: &FoundTags) {
    let say = |amount: usize, noun: &str, why: &str| {
        if amount > 0 {
            tell(format_args!(
                "transship: left out {}{why}",
                count(amount, noun)
            ));
        }
    };
    say(found.empty, "repository", " without tags");
    say(found.unchosen, "repository", " of which no tag is chosen");
    say(found.invalid, "invalid tag", "");
    say(
        found.attachments,
        "tag",
        " of signatures and other attachments, which are copied with their images",
    );
    if !found.undated.is_empty() {
        let named = found.undated.iter().take(MAX_NAMED);
        let named: Vec<&str> = named.map(String::as_str).collect();
        let more = match found.undated.len() - named.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        tell(format_args!(
            "transship: kept although their time is not known: {}{more}",
            named.join(", ")
        ));
    }
    for (repository, why) in &found.unreadable {
        let text = format!("transship: {repository} is left out: {why}");
        tell(sanitize(&text));
    }
}

/// What the list has, and what comes next.
fn tell_result(arguments: &FromArguments, source: CatalogueSource, found: &FoundTags) {
    let through = match source {
        CatalogueSource::Catalogue | CatalogueSource::Path => "",
        CatalogueSource::Harbor => ", listed by Harbor's API",
        CatalogueSource::DockerHub => ", listed by Docker Hub's web API",
    };
    tell(format_args!(
        "transship: {} and {} of {}{through}",
        count(found.repositories.len(), "repository"),
        count(found.count(), "tag"),
        arguments.place,
    ));
    if let Some(list) = arguments.registries.settings_list() {
        tell(format_args!(
            "transship: the list has no registry settings; those of {} can be copied into it",
            shown(list)
        ));
    }
    let run = |file: &Path| command(["run", &shown(file)]);
    let next = match (&arguments.output, &arguments.to) {
        (Some(file), Some(_)) => format!("`{}` copies them", run(file)),
        (Some(file), None) => format!("add [destination] to the list, then `{}`", run(file)),
        (None, Some(_)) => "--output FILE writes the list into a file for `transship run`".into(),
        (None, None) => "--to says where the images go, --output FILE where the list goes".into(),
    };
    tell(format_args!("transship: {next}"));
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let now = Timestamp::now().to_zoned(TimeZone::UTC);
        let ago = |span: Span| {
            now.checked_sub(span.abs())
                .ok()
                .map(|time| time.timestamp())
        };
        let at_midnight = |date: Date| Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp());
        let time = (text.parse().ok())
            .or_else(|| ago(text.parse().ok()?))
            .or_else(|| at_midnight(text.parse().ok()?));
        let wrong = || "write an age such as 30d, or a date such as 2026-01-31".to_owned();
        time.map(Self).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_an_age_or_a_date() {
        let since = |text: &str| text.parse::<Since>().map(|since| since.0);
        let date = since("2026-01-31").unwrap();
        assert_eq!(date, since("2026-01-31T00:00:00Z").unwrap());
        assert!(since("30d").unwrap() < since("2 weeks").unwrap());
        assert!(since("2 weeks").unwrap() < Timestamp::now());
        for wrong in ["", "soon", "30", "99999999999999999999d"] {
            assert!(since(wrong).is_err(), "{wrong}");
        }
    }
}
