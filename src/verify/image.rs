//! One image against its source: the digests, what is below, what is attached.
//!
//! Decides what an image with chosen platforms has to be at its destination. Invariant: one HEAD a side is all an
//! image costs that is only compared by digest.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    difference::{Difference, Part, VerifyError},
    tree::Place,
};
use crate::{
    oci::{Attachments, Digest, Manifest, Platform, Reference, Registry, Repository, Version},
    registry::{Client, ImageBudget, Referrers},
};

/// How closely to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// The digests that the two references name: one HEAD a side.
    Digests,
    /// And that everything below is there: children, blobs with their lengths, what is attached.
    Content,
    /// And that the destination's blobs are what their digests say, by reading every byte.
    Bytes,
}

/// What to compare.
#[derive(Clone, Debug)]
pub struct Image {
    pub source: Reference,
    pub destination: Reference,
    /// Which children of an index were asked for; empty means all.
    pub platforms: Vec<Platform>,
    pub attachments: Attachments,
}

/// Compares images; what they share is looked at once.
pub struct Verifier {
    depth: Depth,
    sound: Mutex<HashSet<(Registry, Repository, Digest)>>,
}

impl Verifier {
    #[must_use]
    pub fn new(depth: Depth) -> Self {
        Self {
            depth,
            sound: Mutex::default(),
        }
    }

    /// What differs between the image's source and its destination; nothing if it is the same.
    ///
    /// # Errors
    /// When a registry does not say what is asked.
    pub async fn verify(
        &self,
        source: &Arc<Client>,
        destination: &Arc<Client>,
        image: &Image,
    ) -> Result<Vec<Difference>, VerifyError> {
        let budget = ImageBudget::new(|| ());
        let comparison = Comparison {
            source,
            image,
            there: Place {
                verifier: self,
                client: destination,
                budget: &budget,
                repository: &image.destination.repository,
            },
        };
        comparison.run(self.depth).await
    }

    pub(super) fn depth(&self) -> Depth {
        self.depth
    }

    pub(super) fn is_sound(
        &self,
        client: &Client,
        repository: &Repository,
        digest: &Digest,
    ) -> bool {
        let key = (
            client.registry().clone(),
            repository.clone(),
            digest.clone(),
        );
        self.sound
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&key)
    }

    pub(super) fn add_sound(&self, client: &Client, repository: &Repository, digest: &Digest) {
        let key = (
            client.registry().clone(),
            repository.clone(),
            digest.clone(),
        );
        self.sound
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key);
    }
}

struct Comparison<'a> {
    source: &'a Arc<Client>,
    image: &'a Image,
    there: Place<'a>,
}

impl Comparison<'_> {
    async fn run(&self, depth: Depth) -> Result<Vec<Difference>, VerifyError> {
        let here = self
            .head(self.source, &self.image.source)
            .await
            .map_err(VerifyError::Source)?;
        let Some(expected) = here else {
            return Ok(vec![Difference::SourceGone]);
        };
        let there = self.head(self.there.client, &self.image.destination).await;
        let Some(got) = there.map_err(VerifyError::Destination)? else {
            return Ok(vec![Difference::Absent]);
        };
        let mut differences = Vec::new();
        if got != expected {
            if self.image.platforms.is_empty() {
                return Ok(vec![Difference::Digest { expected, got }]);
            }
            if !self.is_selection(&expected, &got).await? {
                return Ok(vec![Difference::Platforms]);
            }
        }
        if depth == Depth::Digests {
            return Ok(differences);
        }
        let (below, manifests) = self.there.tree(&got, Part::Manifest).await?;
        differences.extend(below);
        for subject in &manifests {
            if self.image.attachments.referrers {
                differences.extend(self.referrers(subject).await?);
            }
            if self.image.attachments.cosign_tags {
                differences.extend(self.cosign_tags(subject).await?);
            }
        }
        Ok(differences)
    }

    async fn head(
        &self,
        client: &Client,
        reference: &Reference,
    ) -> Result<Option<Digest>, crate::registry::Error> {
        let head = client
            .manifest_head(&reference.repository, &reference.version())
            .await?;
        Ok(head.map(|head| head.digest))
    }

    /// Whether the destination has exactly what was asked for of the source's index: one child in its place, or
    /// an index of the children wanted, which may name what attests them besides.
    async fn is_selection(&self, expected: &Digest, got: &Digest) -> Result<bool, VerifyError> {
        let read = |client: &Arc<Client>, repository: &Repository, digest: &Digest| {
            let (client, repository) = (Arc::clone(client), repository.clone());
            let version = Version::Digest(digest.clone());
            let budget = self.there.budget;
            async move { client.manifest_within(&repository, &version, budget).await }
        };
        let origin = &self.image.source.repository;
        let index: Manifest = read(self.source, origin, expected)
            .await
            .map_err(VerifyError::Source)?;
        let children: HashSet<&Digest> =
            index.children().iter().map(|child| &child.digest).collect();
        let wanted: HashSet<&Digest> = index
            .children()
            .iter()
            .filter(|child| {
                let own = child.platform.as_ref();
                own.is_some_and(|own| {
                    self.image
                        .platforms
                        .iter()
                        .any(|platform| platform.selects(own))
                })
            })
            .map(|child| &child.digest)
            .collect();
        if wanted.len() == 1 {
            return Ok(wanted.contains(got));
        }
        let there = read(self.there.client, self.there.repository, got).await;
        let there = there.map_err(VerifyError::Destination)?;
        let kept: HashSet<&Digest> = there.children().iter().map(|child| &child.digest).collect();
        Ok(!wanted.is_empty() && wanted.is_subset(&kept) && kept.is_subset(&children))
    }

    async fn referrers(&self, subject: &Digest) -> Result<Vec<Difference>, VerifyError> {
        let origin = &self.image.source.repository;
        let expected = referrers(self.source, origin, subject, self.there.budget)
            .await
            .map_err(VerifyError::Source)?;
        if expected.is_empty() {
            return Ok(Vec::new());
        }
        let there = &self.there;
        let listed = referrers(there.client, there.repository, subject, there.budget).await;
        let listed = listed.map_err(VerifyError::Destination)?;
        let mut differences = Vec::new();
        for referrer in expected {
            let (below, _) = self.there.tree(&referrer, Part::Referrer).await?;
            differences.extend(below);
            if !listed.contains(&referrer) {
                let subject = subject.clone();
                differences.push(Difference::Unlisted { subject, referrer });
            }
        }
        Ok(differences)
    }

    async fn cosign_tags(&self, subject: &Digest) -> Result<Vec<Difference>, VerifyError> {
        let mut differences = Vec::new();
        for tag in Attachments::cosign_tags(subject) {
            let version = Version::Tag(tag.clone());
            let here = self
                .source
                .manifest_head(&self.image.source.repository, &version)
                .await;
            let Some(expected) = here.map_err(VerifyError::Source)? else {
                continue;
            };
            let there = self
                .there
                .client
                .manifest_head(self.there.repository, &version)
                .await;
            let there = there.map_err(VerifyError::Destination)?;
            if there.is_none_or(|there| there.digest != expected.digest) {
                differences.push(Difference::AttachedTag { tag });
                continue;
            }
            let (below, _) = self.there.tree(&expected.digest, Part::Manifest).await?;
            differences.extend(below);
        }
        Ok(differences)
    }
}

/// What refers to `subject`, as the registry lists it, else as its fallback tag does.
async fn referrers(
    client: &Client,
    repository: &Repository,
    subject: &Digest,
    budget: &ImageBudget<'_>,
) -> Result<Vec<Digest>, crate::registry::Error> {
    let listed = match client.referrers(repository, subject, budget).await? {
        Referrers::Listed(listed) => listed,
        Referrers::NoApi | Referrers::Refused(_) => {
            let Some(tag) = Attachments::fallback_tag(subject) else {
                return Ok(Vec::new());
            };
            let version = Version::Tag(tag);
            match client.manifest_within(repository, &version, budget).await {
                Ok(index) => index.children().to_vec(),
                Err(error) if error.is_not_found() => Vec::new(),
                Err(error) => return Err(error),
            }
        }
    };
    Ok(listed.into_iter().map(|referrer| referrer.digest).collect())
}
