//! Packs the working directory into the archive.
//!
//! Blobs are removed one by one once the tar with them is synced, so that they take their space once. All functions block
//! on the disk. Invariants: a blob is always in the working directory, in the tar or in the archive; the archive is
//! replaced by a rename, when the tar is complete and synced.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use tar::{Builder, Header};

use super::{
    names::{is_blob, partial_tar_path, working_directory},
    partial_tar,
    working::Working,
};
use crate::{
    files::{remove, sync_parent},
    transport::local::{
        LocalError, LocalErrorCause,
        error::Context,
        layout::{INDEX, Index, Layout, MARKER},
        store_files::StoreFiles,
    },
};

/// Syncs that often; so much is on the disk twice.
const SYNCED_BYTES: u64 = 64 << 20;
const BUFFER_BYTES: usize = 256 << 10;
const MODE: u32 = 0o644;
const BLOBS: &str = "blobs";

/// Writes the archive, unless it has all that the working directory lists. May be called again after a failure.
pub(super) fn pack(working: &Working) -> Result<(), LocalError> {
    try_pack(working).context("write", working.path.display())
}

fn try_pack(working: &Working) -> Result<(), LocalErrorCause> {
    let directory = working_directory(&working.path);
    let partial = partial_tar_path(&working.path);
    let index = working.writer.layout().index();
    let index = index.map_err(|error| *error.cause)?;
    let blobs = blobs_of(&directory)?;
    if !is_new(working, &index)? {
        // Blobs of images that failed stay for the next batch.
        return match blobs.is_empty() && !partial.try_exists()? {
            true => Ok(clear(&directory)?),
            false => Ok(()),
        };
    }
    let archived = working.archived.as_ref();
    let done = partial_tar::keep(&partial, &directory, archived)?;
    let is_done = |name: &str| done.as_ref().is_some_and(|done| done.has(name));
    let mut packer = Packer::open(&partial)?;
    let files = StoreFiles::Directory(directory.clone());
    if packer.is_empty()? {
        packer.append_file(&files, MARKER)?;
    }
    for name in &blobs {
        if !is_done(name) {
            packer.append_file(&files, name)?;
        }
        packer.remove_when_synced(directory.join(name))?;
    }
    if let Some(archived) = archived {
        let mut others: Vec<&str> = archived.names().filter(|name| is_blob(name)).collect();
        others.sort_unstable();
        let files = StoreFiles::Archive(archived.clone());
        for name in others {
            if !is_done(name) && blobs.binary_search_by(|blob| (**blob).cmp(name)).is_err() {
                packer.append_file(&files, name)?;
            }
        }
    }
    packer.sync()?;
    let raw = index.to_bytes()?;
    packer.append(INDEX, raw.len() as u64, &*raw)?;
    packer.finish()?;
    fs::rename(&partial, &working.path)?;
    sync_parent(&working.path)?;
    Ok(clear(&directory)?)
}

/// Whether the working directory lists anything that the archive does not.
fn is_new(working: &Working, index: &Index) -> Result<bool, LocalErrorCause> {
    let Some(tar) = &working.archived else {
        return Ok(index.descriptors().next().is_some());
    };
    let layout = Layout::open(StoreFiles::Archive(tar.clone()));
    let listed = layout.and_then(|layout| layout.index());
    let listed = listed.map_err(|error| *error.cause)?;
    Ok(!index.lists_the_same(&listed))
}

/// Appends to a tar, and removes what it was given once that is synced.
struct Packer {
    builder: Builder<File>,
    packed: Vec<PathBuf>,
    unsynced_bytes: u64,
}

impl Packer {
    fn open(path: &Path) -> io::Result<Self> {
        let mut options = File::options();
        let mut tar = options
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        tar.seek(SeekFrom::End(0))?;
        Ok(Self {
            builder: Builder::new(tar),
            packed: Vec::new(),
            unsynced_bytes: 0,
        })
    }

    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.builder.get_ref().metadata()?.len() == 0)
    }

    fn append_file(&mut self, files: &StoreFiles, name: &str) -> Result<(), LocalErrorCause> {
        let missing = || LocalErrorCause::NotFound(format!("{name} is gone"));
        let file = files.open(name)?.ok_or_else(missing)?;
        let length = file.remaining();
        Ok(self.append(name, length, BufReader::with_capacity(BUFFER_BYTES, file))?)
    }

    /// The same content gives the same bytes.
    fn append(&mut self, name: &str, length: u64, content: impl Read) -> io::Result<()> {
        let mut header = Header::new_gnu();
        header.set_size(length);
        header.set_mode(MODE);
        self.builder.append_data(&mut header, name, content)?;
        self.unsynced_bytes += length;
        Ok(())
    }

    fn remove_when_synced(&mut self, path: PathBuf) -> io::Result<()> {
        self.packed.push(path);
        match self.unsynced_bytes >= SYNCED_BYTES {
            true => self.sync(),
            false => Ok(()),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.builder.get_ref().sync_data()?;
        self.unsynced_bytes = 0;
        for path in self.packed.drain(..) {
            remove(&path)?;
        }
        Ok(())
    }

    fn finish(self) -> io::Result<()> {
        self.builder.into_inner()?.sync_all()
    }
}

/// The names of the blobs in a layout's directory, sorted.
fn blobs_of(directory: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    let blobs = directory.join(BLOBS);
    if !blobs.try_exists()? {
        return Ok(names);
    }
    for algorithm in fs::read_dir(blobs)? {
        let algorithm = algorithm?;
        for blob in fs::read_dir(algorithm.path())? {
            let (algorithm, blob) = (algorithm.file_name(), blob?.file_name());
            let name = Path::new(BLOBS).join(algorithm).join(blob);
            names.extend(
                name.to_str()
                    .filter(|name| is_blob(name))
                    .map(str::to_owned),
            );
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Removes the layout in a working directory. Whatever of it remains after a kill can be opened again.
fn clear(directory: &Path) -> io::Result<()> {
    let blobs = directory.join(BLOBS);
    if blobs.try_exists()? {
        fs::remove_dir_all(blobs)?;
    }
    for name in [MARKER, INDEX] {
        remove(&directory.join(name))?;
    }
    Ok(())
}
