//! `transship list convert`: the input of another tool as a TOML list.
//!
//! Decides where the list is written. Invariant: a file has the whole list or is not changed.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::Args;

use super::{
    exit::Exit,
    list_input::{input_name, read_text},
    output::{print, shown, tell},
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
        Some(file) => write(file, &converted.text, arguments.force)?,
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

fn write(file: &Path, text: &str, force: bool) -> anyhow::Result<()> {
    let cannot_write = || format!("cannot write {}", shown(file));
    let directory = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // As for every new file, the umask takes away from it.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut written = builder.tempfile_in(directory).with_context(cannot_write)?;
    (written.write_all(text.as_bytes()))
        .and_then(|()| written.as_file().sync_all())
        .with_context(cannot_write)?;
    let named = match force {
        true => written.persist(file),
        false => written.persist_noclobber(file),
    };
    match named {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {
            bail!("{} exists; --force replaces it", shown(file))
        }
        Err(error) => Err(error.error).with_context(cannot_write),
    }
}
