//! Names of files in an archive, and beside it while it is written.
//!
//! Invariant: what is beside an archive is in the same directory, so that it can be renamed to it.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use crate::{oci::Digest, transport::local::layout::blob_name};

/// `FILE.partial`, the layout that becomes the archive.
pub(super) fn working_directory(path: &Path) -> PathBuf {
    with_suffix(path, ".partial")
}

/// `FILE.partial.tar`, the archive while it is packed.
pub(super) fn partial_tar_path(path: &Path) -> PathBuf {
    with_suffix(path, ".partial.tar")
}

/// Whether a file of a layout is a blob.
pub(super) fn is_blob(name: &str) -> bool {
    digest_of(name).is_some_and(|digest| blob_name(&digest) == name)
}

fn digest_of(name: &str) -> Option<Digest> {
    let (algorithm, hex) = name.strip_prefix("blobs/")?.split_once('/')?;
    format!("{algorithm}:{hex}").parse().ok()
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}
