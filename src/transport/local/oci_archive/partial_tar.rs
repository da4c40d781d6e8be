//! The tar that an interrupted packing left.
//!
//! Packing removes a blob from the working directory only after the tar with it was synced. So a blob that is only in the
//! tar is complete there, and so is everything before it. All functions block on the disk. Invariant: what is kept was
//! synced.

use std::{
    fs::File,
    io::{self, BufReader, Seek},
    path::Path,
};

use tar::Archive;

use super::names::is_blob;
use crate::transport::local::{LocalErrorCause, tar_index::TarIndex};

const BLOCK_BYTES: u64 = 512;

/// Cuts the tar at `path` after the last blob that is in no other place. `None` if there is no tar.
pub(super) fn keep(
    path: &Path,
    working_directory: &Path,
    archived: Option<&TarIndex>,
) -> Result<Option<TarIndex>, LocalErrorCause> {
    let file = match File::options().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let is_only_here = |name: &str| {
        let is_archived = archived.is_some_and(|archived| archived.has(name));
        Ok::<_, io::Error>(
            is_blob(name) && !is_archived && !working_directory.join(name).try_exists()?,
        )
    };
    let mut kept = 0;
    for (name, end) in complete_entries(&file)? {
        if is_only_here(&name)? {
            kept = end;
        }
    }
    file.set_len(kept)?;
    Ok(Some(TarIndex::read(file, path)?))
}

/// The names and ends of the entries up to the first one that is not complete.
fn complete_entries(file: &File) -> io::Result<Vec<(String, u64)>> {
    let length = file.metadata()?.len();
    let mut file = file.try_clone()?;
    file.rewind()?;
    let mut archive = Archive::new(BufReader::new(file));
    let mut entries = Vec::new();
    for entry in archive.entries_with_seek()? {
        let Ok(entry) = entry else { break };
        let padded = entry.size().div_ceil(BLOCK_BYTES) * BLOCK_BYTES;
        let end = entry.raw_file_position() + padded;
        if end > length {
            break;
        }
        let Ok(path) = entry.path() else { break };
        entries.push((path.to_string_lossy().into_owned(), end));
    }
    Ok(entries)
}
