//! Writes a file that a command makes.
//!
//! Invariant: a file has the whole text or is not changed.

use std::{
    io::{ErrorKind, Write as _},
    path::Path,
};

use anyhow::{Context as _, bail};

use super::output::shown;

/// Fails if a file is not to be replaced, before a command begins its work.
pub(super) fn check(file: &Path, force: bool) -> anyhow::Result<()> {
    if !force && file.exists() {
        bail!("{} exists; --force replaces it", shown(file));
    }
    Ok(())
}

/// Writes `text` into `file`, which may exist only with `force`.
pub(super) fn write(file: &Path, text: &str, force: bool) -> anyhow::Result<()> {
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
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {
            bail!("{} exists; --force replaces it", shown(file))
        }
        Err(error) => Err(error.error).with_context(cannot_write),
    }
}
