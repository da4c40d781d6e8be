//! A manifest in a file: its limits, and whether it is what its name says.
//!
//! Blocks on the disk. Invariant: bytes that are returned have the digest that was asked for.

use super::section::Section;
use crate::{
    oci::{Descriptor, Digest, MediaType},
    registry::MAX_MANIFEST_BYTES,
    transport::{Error, local::error::Context},
};

/// Bytes of one manifest.
#[expect(clippy::cast_possible_truncation, reason = "the constant is 4 MiB")]
pub(super) const MANIFEST_LIMIT: usize = MAX_MANIFEST_BYTES as usize;

/// The bytes of the manifest that `described` describes. `place` is what errors name.
pub(super) fn read_manifest(
    file: Section,
    described: &Descriptor,
    place: impl ToString,
) -> Result<Vec<u8>, Error> {
    let corrupt = |problem| Error::Corrupt {
        digest: described.digest.clone(),
        problem,
    };
    let (got, size) = (file.remaining(), described.size);
    if got != size {
        return Err(corrupt(format!("they are {got} instead of {size}")));
    }
    let raw = file.read_limited(MANIFEST_LIMIT);
    let raw = raw.context("read a manifest of", place)?;
    let mut hasher = described.digest.hasher();
    hasher.update(&raw);
    let got = hasher.finish();
    match got == described.digest {
        true => Ok(raw),
        false => Err(corrupt(format!("they are {got}"))),
    }
}

/// The descriptor of a manifest of which only the name and the size are known.
pub(super) fn describe(digest: &Digest, size: u64) -> Descriptor {
    Descriptor {
        // The manifest says it.
        media_type: MediaType::new(""),
        digest: digest.clone(),
        size,
        platform: None,
        artifact_type: None,
        urls: Vec::new(),
        annotations: Default::default(),
    }
}
