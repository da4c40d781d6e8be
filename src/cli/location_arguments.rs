//! Shared by the commands that read one image or store: parses locations.

use anyhow::Context as _;

use crate::oci::{LocalStore, Location, LocationError, LocationProblem, Registry, Store};

/// An image.
pub(super) fn location(text: &str) -> anyhow::Result<Location> {
    text.parse()
        .with_context(|| format!("{text:?} is not an image"))
}

/// A store of this machine, if `text` names one and no image in it.
pub(super) fn local_store(text: &str) -> anyhow::Result<Option<LocalStore>> {
    match text.parse() {
        Ok(Location::Local(image)) => Ok(image.name.is_none().then_some(image.store)),
        Ok(Location::Registry(_)) => Ok(None),
        // A daemon alone.
        Err(LocationError {
            problem: LocationProblem::NoImage(_),
            ..
        }) => match text.parse()? {
            Store::Local(store) => Ok(Some(store)),
            Store::Registry(_) => Ok(None),
        },
        Err(error) => match error.problem {
            // It may be a registry, which is no image.
            LocationProblem::Reference(_) => Ok(None),
            _ => Err(error).with_context(|| format!("{text:?} is no store")),
        },
    }
}

/// `text` without the prefix that all references may have.
pub(super) fn without_prefix(text: &str) -> &str {
    text.strip_prefix("docker://").unwrap_or(text)
}

/// The registries of these locations.
pub(super) fn registries<'l>(locations: impl IntoIterator<Item = &'l Location>) -> Vec<Registry> {
    let registries = locations.into_iter().filter_map(Location::registry);
    registries.cloned().collect()
}
