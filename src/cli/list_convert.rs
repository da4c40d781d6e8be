//! `transship list convert`: the input of another tool as a TOML list.
//!
//! Decides where the list is written. Invariant: a file has the whole list or is not changed.

use std::{io::Write as _, path::PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::{
    exit::Exit,
    list_input::{input_name, read_text},
    output::{print, tell},
    output_file::{self, Existing},
};
use crate::{
    convert::{self, Conversion, Kind, ListDestination},
    present,
};

#[derive(Args)]
pub(super) struct ConvertArguments {
    /// The file of the other tool, or - for standard input.
    file: PathBuf,
    /// What the file is, if its content can be several kinds: skopeo-sync, regsync, image-syncer, dregsy, mapping (oc,
    /// hangar), references, docker-images, compose or kubernetes.
    #[arg(long, value_name = "KIND")]
    from: Option<Kind>,
    /// Where the images go, if the file does not say it.
    #[arg(long, value_name = "REGISTRY[/PREFIX]")]
    to: Option<ListDestination>,
    /// Write the list into this file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file if it exists.
    #[arg(long, requires = "output")]
    force: bool,
}

pub(super) fn convert(arguments: &ConvertArguments) -> anyhow::Result<Exit> {
    let input = input_name(&arguments.file);
    let text = read_text(&arguments.file, convert::MAX_INPUT)?;
    let converted = convert::convert(Conversion {
        input: &input,
        text: &text,
        kind: arguments.from,
        to: arguments.to.as_ref(),
    });
    let converted = converted.context(input)?;
    match &arguments.output {
        Some(file) => {
            let existing = match arguments.force {
                true => Existing::Replace,
                false => Existing::Refuse,
            };
            output_file::write(file, &converted.text, existing)?;
        }
        None => print(|output| output.write_all(converted.text.as_bytes()))?,
    }
    let entries = match converted.images {
        1 => "1 entry".into(),
        count => format!("{count} entries"),
    };
    let comments = match converted.unconverted.len() {
        0 => String::new(),
        1 => ", 1 comment on what has no counterpart".into(),
        count => format!(", {count} comments on what has no counterpart"),
    };
    tell(present::sanitize(&format!(
        "transship: converted from {}: {entries}{comments}",
        converted.kind
    )));
    Ok(Exit::Good)
}
