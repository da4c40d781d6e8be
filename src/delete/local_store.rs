//! Plans the deletion of images of one local store.
//!
//! Decides which kinds of stores delete images, and what to do instead with the others. Invariant: the layout is not
//! locked before images are deleted.

use std::collections::BTreeSet;

use super::{Deletion, Error, Plan, Problem, Way};
use crate::{
    oci::{LocalImage, LocalStore, Location, StoredName, Transport},
    transport::{LayerFormat, Selector, Stores},
};

/// Checks that the images are there.
pub(super) async fn plan(
    stores: &Stores,
    store: &LocalStore,
    names: BTreeSet<Option<StoredName>>,
) -> Plan {
    let mut plan = Plan::default();
    let mut images = Vec::new();
    for name in names {
        let store = store.clone();
        let image = Location::Local(LocalImage { store, name });
        match is_there(stores, &image).await {
            Ok(true) => images.push(image),
            Ok(false) => plan.missing.push(image),
            Err(error) => plan.problems.push(Problem { image, error }),
        }
    }
    if !images.is_empty() {
        let way = Way::Entries(store.clone());
        plan.deletions.push(Deletion { images, way });
    }
    plan
}

async fn is_there(stores: &Stores, image: &Location) -> Result<bool, Error> {
    if let Some(instead) = image
        .local()
        .and_then(|image| instead(image.store.transport))
    {
        return Err(Error::Unsupported(instead));
    }
    let resolve = async {
        let source = stores.source(image, LayerFormat::AsStored).await?;
        source.resolve(Selector::Image).await
    };
    match resolve.await {
        Ok(found) => Ok(found.is_some()),
        Err(error) => Err(Error::Local(error)),
    }
}

/// What to do about an image of a store that does not delete images.
fn instead(transport: Transport) -> Option<&'static str> {
    match transport {
        Transport::Oci => None,
        Transport::OciArchive | Transport::DockerArchive => Some(
            "an archive is never changed; write a new one with the images that stay, with `transship copy` or a list",
        ),
        Transport::Dir => Some("this directory is one image; remove the directory"),
        Transport::DockerDaemon => Some("delete it with `docker image rm`"),
        Transport::ContainersStorage => Some("delete it with `podman image rm`"),
    }
}
