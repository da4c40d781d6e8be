//! What `inspect`, `tags` and `digest` share: reading a reference, and the error of a registry as a sentence.

use anyhow::Context as _;

use crate::{inspect::Error, oci::Reference, present::sanitize};

pub(super) fn reference(text: &str) -> anyhow::Result<Reference> {
    text.parse()
        .with_context(|| format!("{text:?} is no reference"))
}

pub(super) fn failed(error: Error) -> anyhow::Error {
    let advice = error.kind.advice();
    anyhow::anyhow!("failed to {}; {advice}", sanitize(&error.to_string()))
}
