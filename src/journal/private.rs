//! Files and directories of the journal that only this user may read: lists and failures can name private registries,
//! proxies and their passwords.
//!
//! Invariant: a file is created with its mode, so that it is never readable by others.

use std::{
    fs::{File, OpenOptions},
    io,
    path::Path,
};

/// Creates a directory; an existing one keeps its mode, since it may hold other things.
pub(super) fn make_directory(directory: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// Opens a lock file, or creates it.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let file = options().create(true).open(path)?;
    narrow(path)?;
    Ok(file)
}

/// Creates a file, or removes the permissions of others from an existing one: a journal is shared through PostgreSQL.
/// Does not open an existing file: closing it would end the locks that SQLite has on it in this process.
pub(super) fn make(path: &Path) -> io::Result<()> {
    match options().create_new(true).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => narrow(path),
        Err(error) => Err(error),
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Removes the permissions of others, if there is such a file.
#[cfg(unix)]
pub(super) fn narrow(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    let narrowed = std::fs::metadata(path).and_then(|metadata| {
        let mut permissions = metadata.permissions();
        let mode = permissions.mode() & 0o777;
        if mode & 0o077 == 0 {
            return Ok(());
        }
        permissions.set_mode(mode & 0o700);
        std::fs::set_permissions(path, permissions)
    });
    match narrowed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // Someone else's: its owner decides.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        result => result,
    }
}

#[cfg(not(unix))]
pub(super) fn narrow(_: &Path) -> io::Result<()> {
    Ok(())
}
