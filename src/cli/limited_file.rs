//! Reads small files that an operator names.
//!
//! Invariant: no more than a limit is read, whatever the name stands for.

use std::{fs::File, io::Read as _, path::Path};

use anyhow::Context as _;
use secrecy::SecretString;

use super::output::shown;

/// A passphrase is a line.
const MAX_PASSPHRASE_BYTES: u64 = 64 * 1024;

/// The content of a file of at most `limit` bytes.
pub(super) fn read(path: &Path, limit: u64) -> anyhow::Result<Vec<u8>> {
    let mut content = Vec::new();
    let read = File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut content));
    read.with_context(|| format!("cannot read {}", shown(path)))?;
    anyhow::ensure!(
        content.len() as u64 <= limit,
        "{} is larger than {} KiB",
        shown(path),
        limit >> 10
    );
    Ok(content)
}

/// The passphrase in a file: its first line.
pub(super) fn read_passphrase(path: &Path) -> anyhow::Result<SecretString> {
    let content = read(path, MAX_PASSPHRASE_BYTES)?;
    let text = String::from_utf8(content)
        .map_err(|_| anyhow::anyhow!("the passphrase in {} is no text", shown(path)))?;
    Ok(text.lines().next().unwrap_or_default().into())
}
