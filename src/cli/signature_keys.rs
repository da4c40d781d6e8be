//! The public keys that a list names.
//!
//! Invariant: all are read before anything is copied, so that a wrong one fails before the start.

use std::{collections::HashMap, path::PathBuf};

use anyhow::Context as _;

use super::{limited_file, output::shown};
use crate::{list::List, signature::CosignKey};

/// A key has less than 1 KiB.
const MAX_KEY_BYTES: u64 = 64 << 10;

/// The keys of all images, by file.
pub(super) fn read(list: &List) -> anyhow::Result<HashMap<PathBuf, CosignKey>> {
    let mut keys = HashMap::new();
    for path in list
        .images
        .iter()
        .flat_map(|rule| rule.require_signature.paths())
    {
        if keys.contains_key(path) {
            continue;
        }
        let name = shown(path);
        let content = limited_file::read(path, MAX_KEY_BYTES)?;
        let key = CosignKey::parse(&name, &content);
        let key = key.with_context(|| format!("cannot verify signatures with {name}"))?;
        keys.insert(path.to_owned(), key);
    }
    Ok(keys)
}
