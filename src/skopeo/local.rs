//! The skopeo of this machine.
//!
//! Invariant: its private files are in a directory of its own, which only this user may read.

use std::{fs, io, io::Write as _, path::Path, sync::Arc};

use secrecy::ExposeSecret as _;
use tempfile::TempDir;

use super::{private_files::PrivateFile, scratch::Scratch};

pub(super) struct LocalMethod {
    pub(super) description: String,
    /// The path of the program.
    pub(super) program: String,
    pub(super) scratch: Arc<Scratch>,
}

impl LocalMethod {
    /// Writes the files of a call.
    pub(super) async fn prepare(&self, files: Vec<PrivateFile>) -> io::Result<TempDir> {
        let scratch = self.scratch.clone();
        let written = tokio::task::spawn_blocking(move || {
            let directory = scratch.directory()?;
            for file in files {
                write(&directory.path().join(&file.name), &file)?;
            }
            Ok(directory)
        });
        written.await.map_err(io::Error::other)?
    }
}

fn write(path: &Path, file: &PrivateFile) -> io::Result<()> {
    // The directory of the call is this user's only, and so is all below.
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(file.content.expose_secret())
}
