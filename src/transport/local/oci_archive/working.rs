//! The working directory of an archive that is being written: a layout beside the file.
//!
//! Decides what counts as written before: what the directory, the partial tar and the archive have. All functions block
//! on the disk. Invariant: what the archive had when it was opened is listed in the working directory too.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    names::{is_blob, partial_tar_path, working_directory},
    partial_tar,
};
use crate::transport::local::{
    LocalError, LocalErrorCause,
    archive_file::open_archive,
    error::Context,
    layout::{Layout, LayoutWriter, prepare},
    store_files::StoreFiles,
    tar_index::TarIndex,
};

/// Writing an archive, step by step.
pub(super) struct Working {
    /// The archive's final name.
    pub path: PathBuf,
    /// The archive as it was.
    pub archived: Option<TarIndex>,
    pub writer: Arc<LayoutWriter>,
}

impl Working {
    /// Opens the working directory of the archive at `path`, with what was written before.
    ///
    /// # Errors
    /// If another process writes the archive, it holds something else, or a base cannot be read.
    pub(super) fn open(path: &Path, bases: &[PathBuf]) -> Result<Self, LocalError> {
        let archived = open_archived(path).context("read", path.display())?;
        let (bases, base_names) = open_bases(bases)?;
        let directory = working_directory(path);
        let place = directory.display();
        let lock = prepare(&directory).context("write", &place)?;
        let archived_layout = match &archived {
            Some(tar) => {
                check_content(tar).context("add to", path.display())?;
                Some(Layout::open(StoreFiles::Archive(tar.clone()))?)
            }
            None => None,
        };
        let partial = partial_tar_path(path);
        let partial = partial_tar::keep(&partial, &directory, archived.as_ref())
            .context("write", partial.display())?;
        let others = (partial.into_iter().chain(archived.clone())).map(StoreFiles::Archive);
        let writer = LayoutWriter::over(&directory, lock, |files| {
            Layout::spread(path, files, others.collect(), bases)
        })?;
        let listed = archived_layout.as_ref().map(Layout::index).transpose()?;
        let layout = Arc::clone(writer.layout());
        writer.update_index(|index| {
            // Another archive may have taken the place of the one that was added to.
            index.retain(|image| matches!(layout.length(&image.digest), Ok(Some(_))));
            if let Some(listed) = listed {
                index.merge(&listed);
                index.add_bases(&listed.bases())?;
            }
            index.add_bases(&base_names)?;
            Ok(true)
        })?;
        let path = path.to_owned();
        Ok(Self {
            path,
            archived,
            writer: Arc::new(writer),
        })
    }
}

/// The archive at `path`; `None` if there is no file.
pub(super) fn open_archived(path: &Path) -> Result<Option<TarIndex>, LocalErrorCause> {
    match path.try_exists()? {
        true => Ok(Some(TarIndex::read(open_archive(path)?, path)?)),
        false => Ok(None),
    }
}

/// The bases, and their file names.
fn open_bases(bases: &[PathBuf]) -> Result<(Vec<StoreFiles>, Vec<String>), LocalError> {
    let mut opened = Vec::new();
    let mut names = Vec::new();
    for path in bases {
        let file = open_archive(path).context("read the base", path.display())?;
        let tar = TarIndex::read(file, path).context("read the base", path.display())?;
        let files = StoreFiles::Archive(tar);
        Layout::open(files.clone())?;
        opened.push(files);
        let name = path.file_name().unwrap_or(path.as_os_str());
        names.push(name.to_string_lossy().into_owned());
    }
    Ok((opened, names))
}

/// Refuses an archive of which packing would lose something.
fn check_content(tar: &TarIndex) -> Result<(), LocalErrorCause> {
    let is_known = |name: &str| matches!(name, "oci-layout" | "index.json") || is_blob(name);
    match tar.names().find(|name| !is_known(name)) {
        None => Ok(()),
        Some(other) => Err(LocalErrorCause::Refused(format!(
            "it has files besides an OCI layout, such as {other:?}, which would be lost; write another file"
        ))),
    }
}
