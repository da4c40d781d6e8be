//! The further tags of one image.
//!
//! Decides where each tag is, and what it names now. Invariant: the manifest that is written is the one that was planned,
//! byte for byte.

use std::sync::Arc;

use super::Error;
use crate::{
    oci::{Digest, LocalImage, Location, Manifest, Reference, StoredName, Tag, Transport},
    registry::ImageBudget,
    transport::{LayerFormat, Selector, Source, Stores},
};

/// An image, and the tags that it gets.
#[derive(Debug)]
pub struct Plan {
    manifest: Manifest,
    pub tags: Vec<NewTag>,
}

/// A tag that the image gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTag {
    pub location: Location,
    /// What it names now.
    pub names: Option<Digest>,
}

impl Plan {
    /// Reads the image's manifest and looks up the tags.
    ///
    /// # Errors
    /// If there is no such image, or its store has no further tags.
    pub async fn new(stores: &Stores, image: &Location, tags: &[Tag]) -> Result<Self, Error> {
        if let Some(instead) = image
            .local()
            .and_then(|image| instead(image.store.transport))
        {
            return Err(Error::Unsupported(instead));
        }
        let source = open(stores, image).await?;
        let digest = source.resolve(Selector::Image).await?;
        let digest = digest.ok_or_else(|| Error::Missing(image.clone()))?;
        let budget = ImageBudget::new(|| ());
        let manifest = source.manifest(Selector::Digest(&digest), &budget).await?;
        let mut planned: Vec<NewTag> = Vec::new();
        for tag in tags {
            let location = tagged(image, tag);
            if planned.iter().any(|other| other.location == location) {
                continue;
            }
            let source = open(stores, &location).await?;
            let names = source.resolve(Selector::Image).await?;
            planned.push(NewTag { location, names });
        }
        Ok(Self {
            manifest,
            tags: planned,
        })
    }

    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.manifest.digest
    }

    /// The tags that name another image, and what they name.
    pub fn replaced(&self) -> impl Iterator<Item = (&Location, &Digest)> {
        let tags = self.tags.iter();
        let named = tags.filter_map(|tag| Some((&tag.location, tag.names.as_ref()?)));
        named.filter(|(_, names)| *names != self.digest())
    }

    /// Writes one tag.
    ///
    /// # Errors
    /// If the store refuses it.
    pub async fn write(&self, stores: &Stores, tag: &NewTag) -> Result<(), Error> {
        if tag.names.as_ref() == Some(self.digest()) {
            return Ok(());
        }
        let destination = stores.destination(&tag.location).await?;
        let written = destination.put_manifest(Selector::Image, &self.manifest);
        written.await?;
        Ok(())
    }
}

async fn open(stores: &Stores, image: &Location) -> Result<Arc<dyn Source>, Error> {
    Ok(stores.source(image, LayerFormat::AsStored).await?)
}

/// The place of another tag of the image's repository.
fn tagged(image: &Location, tag: &Tag) -> Location {
    match image {
        Location::Registry(reference) => Location::Registry(Reference {
            tag: Some(tag.clone()),
            digest: None,
            ..reference.clone()
        }),
        Location::Local(image) => {
            let name = image.name.as_ref().unwrap_or(&StoredName::Position(0));
            Location::Local(LocalImage {
                store: image.store.clone(),
                name: Some(name.sibling(tag)),
            })
        }
    }
}

/// What to do for an image of a store that has no further names.
fn instead(transport: Transport) -> Option<&'static str> {
    match transport {
        Transport::Oci => None,
        Transport::OciArchive | Transport::DockerArchive => {
            Some("an archive is never changed; write a new one with `transship copy --tag`")
        }
        Transport::Dir => Some("a directory is one image without a name; copy the directory"),
        Transport::DockerDaemon => Some("tag it with `docker tag`"),
        Transport::ContainersStorage => Some("tag it with `podman tag`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other(image: &str) -> String {
        tagged(&image.parse().unwrap(), &"2".parse().unwrap()).to_string()
    }

    #[test]
    fn a_tag_stays_in_the_repository_or_the_layout() {
        assert_eq!(other("r.example/team/api:1"), "r.example/team/api:2");
        let digest = Digest::of(b"");
        let pinned = format!("r.example/team/api:1@{digest}");
        assert_eq!(other(&pinned), "r.example/team/api:2");
        assert_eq!(other("oci:estate:team/api:1"), "oci:estate:team/api:2");
        assert_eq!(other("oci:estate"), "oci:estate:2");
        assert_eq!(other("oci:estate:@3"), "oci:estate:2");
    }
}
