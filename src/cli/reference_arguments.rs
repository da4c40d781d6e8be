//! Shared by `inspect`, `tags` and `digest`: parses references, and turns errors of registries into sentences.

use anyhow::Context as _;

use crate::{inspect::Error, oci::Reference, present::sanitize};

pub(super) fn reference(text: &str) -> anyhow::Result<Reference> {
    text.parse()
        .with_context(|| format!("{text:?} is not a reference"))
}

pub(super) fn failed(error: Error) -> anyhow::Error {
    let advice = error.kind.advice();
    anyhow::anyhow!("failed to {}; {advice}", sanitize(&error.to_string()))
}
