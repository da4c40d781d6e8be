//! A file that a command writes for the operator.
//!
//! Invariant: it has the whole text or is not changed.

use std::{io::Write as _, path::Path};

use anyhow::{Context as _, bail};

use super::output::shown;

/// What happens to a file of this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Existing {
    Replace,
    Refuse,
}

pub(super) fn write(file: &Path, text: &str, existing: Existing) -> anyhow::Result<()> {
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
    let named = match existing {
        Existing::Replace => written.persist(file),
        Existing::Refuse => written.persist_noclobber(file),
    };
    match named {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {
            bail!("{} exists; --force replaces it", shown(file))
        }
        Err(error) => Err(error.error).with_context(cannot_write),
    }
}
