//! `transship list check`: every mistake of a list, or what the list does.
//!
//! Decides the fields of `--json`. Invariant: they keep their names and types; the exit code is the same with and without
//! it.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde_json::{Value, json};

use super::{
    completed_values,
    exit::Exit,
    list_input,
    list_source::{TrustArguments, report},
    output::{pretty_json, print, shown},
};
use crate::{
    convert::ListDestination,
    list::{ActionKind, Endpoint, List, Mistakes, Summary},
    present,
};

const FIELDS: &str = "Fields of --json:
  file         the list
  mistakes     each with file, line, column (in characters, from 1), message and help (null if there is none), and
               related: further places, each with line, column and label
  warnings     what is allowed but dangerous, as sentences
  summary      images, rewrites, filters, repositories, patterns, files, groups: numbers; null if there are mistakes
  source       store and prefix of [source]; null without it
  destination  the same of [destination]
  actions      what the list runs, reads, writes, prunes, sends and trusts, each with kind, what and purpose";

#[derive(Args)]
#[command(after_long_help = FIELDS)]
pub(super) struct CheckArguments {
    /// The TOML list, or - for standard input, which may also have plain references.
    #[arg(add = ArgValueCompleter::new(completed_values::lists))]
    file: PathBuf,
    /// Where references from standard input go.
    #[arg(long, value_name = "REGISTRY[/PREFIX]")]
    to: Option<ListDestination>,
    /// Print one JSON object; --help says what is in it.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    trust: TrustArguments,
}

pub(super) fn check(arguments: &CheckArguments) -> anyhow::Result<Exit> {
    let source = list_input::read(&arguments.file, arguments.to.as_ref())?;
    let parsed = source.checked(arguments.trust);
    if arguments.json {
        let object = match &parsed {
            Ok(list) => of_list(&source.path, list),
            Err(mistakes) => of_mistakes(mistakes),
        };
        let text = pretty_json(&object)?;
        print(|output| writeln!(output, "{text}"))?;
        return Ok(match parsed {
            Ok(_) => Exit::Good,
            Err(_) => Exit::Usage,
        });
    }
    let list = match parsed {
        Ok(list) => list,
        Err(mistakes) => return Ok(report(&mistakes)),
    };
    print(|output| {
        writeln!(output, "{}: {}", shown(&source.path), list.summary())?;
        let actions = list.actions();
        let mut lines = actions.iter().map(ToString::to_string);
        lines.try_for_each(|line| writeln!(output, "  {}", present::sanitize(&line)))
    })?;
    Ok(Exit::Good)
}

fn of_list(file: &Path, list: &List) -> Value {
    let actions = list.actions();
    let is_trust = |kind: ActionKind| matches!(kind, ActionKind::Trusts);
    let warnings = actions.iter().filter(|action| is_trust(action.kind));
    let warnings: Vec<String> = warnings.map(ToString::to_string).collect();
    let actions = actions.iter().map(|action| {
        json!({
            "kind": action.kind.verb(),
            "what": action.what,
            "purpose": action.purpose,
        })
    });
    json!({
        "file": shown(file),
        "mistakes": [],
        "warnings": warnings,
        "summary": summary(&list.summary()),
        "source": list.source.as_ref().map(side),
        "destination": list.destination.as_ref().map(side),
        "actions": actions.collect::<Vec<_>>(),
    })
}

fn of_mistakes(mistakes: &Mistakes) -> Value {
    let all = mistakes.iter().map(|mistake| {
        let mut places = mistake.marks.iter().map(|mark| {
            let place = mistakes.position(mark);
            json!({"line": place.line, "column": place.column, "label": mark.label})
        });
        let first = places.next().unwrap_or_default();
        json!({
            "file": mistakes.file(),
            "line": first["line"],
            "column": first["column"],
            "message": mistake.message,
            "help": mistake.help,
            "related": places.collect::<Vec<_>>(),
        })
    });
    json!({
        "file": mistakes.file(),
        "mistakes": all.collect::<Vec<_>>(),
        "warnings": [],
        "summary": null,
        "source": null,
        "destination": null,
        "actions": [],
    })
}

fn summary(summary: &Summary) -> Value {
    let Summary {
        images,
        rewrites,
        filters,
        repositories,
        patterns,
        files,
        groups,
    } = summary;
    json!({
        "images": images,
        "rewrites": rewrites,
        "filters": filters,
        "repositories": repositories,
        "patterns": patterns,
        "files": files,
        "groups": groups,
    })
}

fn side(side: &Endpoint) -> Value {
    json!({
        "store": side.store.to_string(),
        "prefix": side.prefix.as_ref().map(ToString::to_string),
    })
}
