//! Finds the image directories below a directory.
//!
//! Blocks on the disk. Invariant: symbolic links are not followed, so the search ends and stays below the directory.

use std::{fs, path::Path};

use super::{
    files::{MANIFEST, VERSION_FILE},
    reader::ImageDirectory,
};
use crate::{
    oci::StoredName,
    registry::described_as_referrer,
    transport::{
        StoredImage,
        local::{LocalError, LocalErrorCause, error::Context},
    },
};

/// Directories within directories; a repository's name has no more parts.
const MAX_DEPTH: usize = 16;
const MAX_DIRECTORIES: usize = 100_000;

#[derive(Default)]
struct Found {
    images: Vec<String>,
    /// Directories that were searched.
    directories: usize,
}

/// The images below `root`, sorted by name.
pub(super) fn images_below(root: &Path) -> Result<Vec<StoredImage>, LocalError> {
    let mut found = Found::default();
    search(root, root, MAX_DEPTH, &mut found).context("list", root.display())?;
    found.images.sort_unstable();
    let images = found.images.into_iter().map(|name| {
        let manifest = ImageDirectory::new(root.join(&name)).root();
        StoredImage {
            // One that cannot be read fails when it is copied.
            manifest: (manifest.ok().flatten()).map(|manifest| {
                let mut described = described_as_referrer(&manifest);
                described.annotations.clear();
                described
            }),
            name: StoredName::Name(name),
        }
    });
    Ok(images.collect())
}

fn search(
    root: &Path,
    directory: &Path,
    depth: usize,
    found: &mut Found,
) -> Result<(), LocalErrorCause> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let path = entry.path();
        if !entry.file_type()?.is_dir() {
            continue;
        }
        let name = path.strip_prefix(root).ok().and_then(Path::to_str);
        let is_image = path.join(MANIFEST).is_file() || path.join(VERSION_FILE).is_file();
        found
            .images
            .extend(name.filter(|_| is_image).map(str::to_owned));
        found.directories += 1;
        if found.directories > MAX_DIRECTORIES {
            let problem = format!("it has more than {MAX_DIRECTORIES} directories");
            return Err(LocalErrorCause::Invalid(problem));
        }
        if depth > 0 {
            search(root, &path, depth - 1, found)?;
        }
    }
    Ok(())
}
