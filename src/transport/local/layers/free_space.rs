//! How much may be unpacked onto a disk.
//!
//! Decides that a tenth of the free space, at most 1 GiB, stays free. Invariant: content that unpacks to more than the
//! disk holds fails before the disk is full.

use std::{io, path::Path};

const MAX_RESERVE: u64 = 1 << 30;

/// Bytes that may be unpacked into `directory` now.
pub(super) fn unpack_limit(directory: &Path) -> io::Result<u64> {
    let free = free_bytes(directory)?;
    Ok(free - (free / 10).min(MAX_RESERVE))
}

#[cfg(unix)]
fn free_bytes(directory: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(directory)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Here only a full disk ends it.
#[cfg(not(unix))]
fn free_bytes(_: &Path) -> io::Result<u64> {
    Ok(u64::MAX)
}
