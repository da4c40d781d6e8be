//! Compares one image with its source: the digests, what is below them, and what is attached.
//!
//! Decides what the destination has to have if only some platforms were copied. Invariant: a comparison of digests costs
//! one HEAD a side.

use std::{collections::HashSet, sync::Arc};

use super::{
    attachments::AttachmentComparison,
    depth::Depth,
    destination_tree::DestinationRepository,
    difference::{Difference, Findings, Note, Part, VerifyError},
    signatures::compare_signatures,
    sound_blobs::SoundBlobs,
};
use crate::{
    oci::{Attachments, CopySpec, Digest, Manifest, Reference, Repository, Version},
    registry::{Client, ImageBudget},
};

/// Compares images. Blobs that they share are checked once.
pub struct Verifier {
    depth: Depth,
    sound: SoundBlobs,
}

impl Verifier {
    #[must_use]
    pub fn new(depth: Depth) -> Self {
        Self {
            depth,
            sound: SoundBlobs::default(),
        }
    }

    /// What differs between the image's source and its destination; no differences if it is the same.
    ///
    /// # Errors
    /// A registry did not answer.
    pub async fn verify(
        &self,
        source: &Arc<Client>,
        destination: &Arc<Client>,
        image: &CopySpec,
    ) -> Result<Findings, VerifyError> {
        let budget = ImageBudget::new(|| ());
        let comparison = ImageComparison {
            source,
            image,
            destination: DestinationRepository {
                depth: self.depth,
                sound: &self.sound,
                client: destination,
                budget: &budget,
                repository: &image.destination.reference().unwrap().repository,
            },
        };
        comparison.run().await
    }
}

struct ImageComparison<'a> {
    source: &'a Arc<Client>,
    image: &'a CopySpec,
    destination: DestinationRepository<'a>,
}

impl ImageComparison<'_> {
    async fn run(&self) -> Result<Findings, VerifyError> {
        let mut findings = Findings::default();
        let only = |difference| Findings {
            differences: vec![difference],
            ..Findings::default()
        };
        let expected = digest(self.source, self.image.source.reference().unwrap()).await;
        let Some(expected) = expected.map_err(VerifyError::Source)? else {
            return Ok(only(Difference::SourceGone));
        };
        let got = digest(
            self.destination.client,
            self.image.destination.reference().unwrap(),
        )
        .await;
        let Some(got) = got.map_err(VerifyError::Destination)? else {
            return Ok(only(Difference::Absent));
        };
        if got != expected {
            match self.compare_cosign_tag(&expected, &got).await? {
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
        if self.destination.depth == Depth::Digests {
            return Ok(findings);
        }
        let (below, manifests) = self.destination.check(&got, Part::Manifest).await?;
        findings.differences.extend(below);
        let attachments = AttachmentComparison {
            attachments: self.image.attachments,
            source: self.source,
            source_repository: &self.image.source.reference().unwrap().repository,
            destination: &self.destination,
        };
        attachments.run(manifests, &mut findings).await?;
        Ok(findings)
    }

    /// Compares signatures if the destination reference is a cosign tag.
    async fn compare_cosign_tag(
        &self,
        expected: &Digest,
        got: &Digest,
    ) -> Result<Option<Note>, VerifyError> {
        match &self.image.destination.reference().unwrap().tag {
            Some(tag) if Attachments::is_cosign_tag(tag) => {
                let source = (
                    &**self.source,
                    &self.image.source.reference().unwrap().repository,
                );
                compare_signatures(source, &self.destination, tag, expected, got).await
            }
            _ => Ok(None),
        }
    }

    /// Whether the destination has exactly the selected platforms of the source's index: one child in the index's
    /// place, or an index of the selected children and their attestations.
    async fn is_selection(&self, expected: &Digest, got: &Digest) -> Result<bool, VerifyError> {
        let read = |client: &Arc<Client>, repository: &Repository, digest: &Digest| {
            let (client, repository) = (Arc::clone(client), repository.clone());
            let version = Version::Digest(digest.clone());
            let budget = self.destination.budget;
            async move { client.manifest_within(&repository, &version, budget).await }
        };
        let repository = &self.image.source.reference().unwrap().repository;
        let index: Manifest = read(self.source, repository, expected)
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
        let copy = read(self.destination.client, self.destination.repository, got).await;
        let copy = copy.map_err(VerifyError::Destination)?;
        let kept: HashSet<&Digest> = copy.children().iter().map(|child| &child.digest).collect();
        Ok(!wanted.is_empty() && wanted.is_subset(&kept) && kept.is_subset(&children))
    }
}

/// What a reference names.
async fn digest(
    client: &Client,
    reference: &Reference,
) -> Result<Option<Digest>, crate::registry::Error> {
    let version = reference.version();
    let head = client.manifest_head(&reference.repository, &version);
    Ok(head.await?.map(|head| head.digest))
}
