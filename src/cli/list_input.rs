//! Reads a list from a file or from standard input.
//!
//! Decides that standard input may also have plain references, or what `list convert` reads. Invariant: an input that
//! cannot be converted completely is refused, so that no image is left out silently.

use std::{
    fs::File,
    io::{Read, stdin},
    path::Path,
};

use anyhow::{Context as _, bail};

use super::{list_source::ListSource, output::shown};
use crate::{
    convert::{self, Conversion, ListDestination},
    list::Directories,
};

/// What stands for standard input.
const STANDARD_INPUT: &str = "-";
/// The name of a list that was read from there, in messages and batches.
const NAME: &str = "stdin";
/// Bytes of standard input, at most.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// The list of a command. `to` is for references that do not say where they go.
pub(super) fn read(file: &Path, to: Option<&ListDestination>) -> anyhow::Result<ListSource> {
    if !is_standard_input(file) {
        if to.is_some() {
            bail!(
                "--to is for references from standard input; `transship list convert` converts the file {}",
                shown(file)
            );
        }
        return ListSource::read(file);
    }
    let text = read_text(file, MAX_BYTES)?;
    let working = std::env::current_dir().context("cannot find the working directory")?;
    Ok(ListSource {
        path: NAME.into(),
        text: list_text(text, to)?,
        directories: Directories {
            list: working.clone(),
            working,
        },
    })
}

/// The text of a file or of standard input.
pub(super) fn read_text(file: &Path, limit: usize) -> anyhow::Result<String> {
    let input = input_name(file);
    let cannot_read = || format!("cannot read {input}");
    let mut reader: Box<dyn Read> = match is_standard_input(file) {
        true => Box::new(stdin().lock()),
        false => Box::new(File::open(file).with_context(cannot_read)?),
    };
    let mut text = String::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX);
    let mut limited = reader.by_ref().take(most.saturating_add(1));
    limited
        .read_to_string(&mut text)
        .with_context(cannot_read)?;
    if text.len() > limit {
        bail!("{input} has more than {} MiB", limit / 1024 / 1024);
    }
    Ok(text)
}

/// As messages call the input.
pub(super) fn input_name(file: &Path) -> String {
    match is_standard_input(file) {
        true => NAME.into(),
        false => shown(file),
    }
}

pub(super) fn is_standard_input(file: &Path) -> bool {
    file == Path::new(STANDARD_INPUT)
}

/// The text if it is a list, else the list that it is converted to.
fn list_text(text: String, to: Option<&ListDestination>) -> anyhow::Result<String> {
    if convert::is_list(&text) || text.trim().is_empty() {
        if to.is_some() {
            bail!(
                "--to is for references, and {NAME} is a TOML list, which has its own [destination]"
            );
        }
        return Ok(text);
    }
    let converted = convert::convert(Conversion {
        input: NAME,
        text: &text,
        kind: None,
        to,
    });
    let converted = converted.context(NAME)?;
    if let Some(first) = converted.unconverted.first() {
        let more = match converted.unconverted.len() - 1 {
            0 => String::new(),
            more => format!(" ({more} more)"),
        };
        bail!(
            "{NAME} cannot be converted completely: {first}{more}; `transship list convert` writes a list with comments"
        );
    }
    Ok(converted.text)
}
