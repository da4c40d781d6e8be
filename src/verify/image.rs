//! One image against its source: the digests, and what is below them.
//!
//! Decides what an image with chosen platforms has to be at its destination; what is attached to it is compared in
//! `attached`. Invariant: one HEAD a side is all an
//! image costs that is only compared by digest.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    difference::{Difference, Findings, Part, VerifyError},
    tree::DestinationRepository,
};
use crate::{
    oci::{Attachments, CopySpec, Digest, Manifest, Reference, Registry, Repository, Version},
    registry::{Client, ImageBudget},
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

    /// What differs between the image's source and its destination; no differences if it is the same.
    ///
    /// # Errors
    /// When a registry does not say what is asked.
    pub async fn verify(
        &self,
        source: &Arc<Client>,
        destination: &Arc<Client>,
        image: &CopySpec,
    ) -> Result<Findings, VerifyError> {
        let budget = ImageBudget::new(|| ());
        let comparison = Comparison {
            source,
            image,
            there: DestinationRepository {
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

pub(super) struct Comparison<'a> {
    pub source: &'a Arc<Client>,
    pub image: &'a CopySpec,
    pub there: DestinationRepository<'a>,
}

impl Comparison<'_> {
    async fn run(&self, depth: Depth) -> Result<Findings, VerifyError> {
        let mut findings = Findings::default();
        let only = |difference| Findings {
            differences: vec![difference],
            ..Findings::default()
        };
        let here = self
            .head(self.source, &self.image.source)
            .await
            .map_err(VerifyError::Source)?;
        let Some(expected) = here else {
            return Ok(only(Difference::SourceGone));
        };
        let there = self.head(self.there.client, &self.image.destination).await;
        let Some(got) = there.map_err(VerifyError::Destination)? else {
            return Ok(only(Difference::Absent));
        };
        if got != expected {
            let note = match &self.image.destination.tag {
                Some(tag) if Attachments::is_cosign_tag(tag) => {
                    self.more_signatures(tag, &expected, &got).await?
                }
                _ => None,
            };
            match note {
                Some(note) => findings.notes.push(note),
                None if self.image.platforms.is_empty() => {
                    return Ok(only(Difference::Digest { expected, got }));
                }
                None if !self.is_selection(&expected, &got).await? => {
                    return Ok(only(Difference::Platforms));
                }
                None => {}
            }
        }
        if depth == Depth::Digests {
            return Ok(findings);
        }
        let (below, manifests) = self.there.tree(&got, Part::Manifest).await?;
        findings.differences.extend(below);
        self.attached(manifests, &mut findings).await?;
        Ok(findings)
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
}
