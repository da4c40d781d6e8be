//! Compares one image with its source: the digests, what is below them, and what is attached.
//!
//! Decides what the destination has to have if only some platforms were copied. Invariant: a comparison of digests costs
//! one HEAD a side.

use std::collections::HashSet;

use super::{
    attachments::AttachmentComparison,
    depth::Depth,
    destination_tree::DestinationTree,
    difference::{Difference, Findings, Note, Part, VerifyError},
    identity::compare_identity,
    side::ComparedSide,
    signatures::compare_signatures,
    sound_blobs::{BlobScope, SoundBlobs},
};
use crate::{
    batch::Side,
    oci::{Attachments, CopySpec, Digest, Location},
    registry::ImageBudget,
    transport::{LayerFormat, Selector, Stores},
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
    /// A store did not answer.
    pub async fn verify(&self, stores: &Stores, image: &CopySpec) -> Result<Findings, VerifyError> {
        let budget = ImageBudget::new(|| ());
        let failed = |side, location: &Location, error| VerifyError {
            side,
            store: location.store(),
            error,
        };
        let source = stores.compared_source_of(image).await;
        let source = source.map_err(|error| failed(Side::Source, &image.source, error))?;
        let to = &image.destination;
        let destination = stores.source(to, LayerFormat::AsStored).await;
        let destination = destination.map_err(|error| failed(Side::Destination, to, error))?;
        let side = |side, image| ComparedSide {
            side,
            image,
            budget: &budget,
        };
        let comparison = ImageComparison {
            source: side(Side::Source, &*source),
            image,
            destination: DestinationTree {
                depth: self.depth,
                sound: &self.sound,
                scope: BlobScope::of(&image.destination),
                side: side(Side::Destination, &*destination),
            },
        };
        comparison.run().await
    }
}

struct ImageComparison<'a> {
    source: ComparedSide<'a>,
    image: &'a CopySpec,
    destination: DestinationTree<'a>,
}

impl ImageComparison<'_> {
    async fn run(&self) -> Result<Findings, VerifyError> {
        let only = |difference| Findings {
            differences: vec![difference],
            ..Findings::default()
        };
        let Some(expected) = self.source.resolve(Selector::Image).await? else {
            return Ok(only(Difference::SourceGone));
        };
        let Some(got) = self.destination.side.resolve(Selector::Image).await? else {
            return Ok(only(Difference::Absent));
        };
        let keep_manifests =
            self.source.keeps_manifests() && self.destination.side.keeps_manifests();
        let mut findings = match got == expected {
            true => Findings::default(),
            false if keep_manifests => self.compare_manifests(&expected, &got).await?,
            false => {
                let (source, destination) = (&self.source, &self.destination.side);
                compare_identity(source, destination, &self.image.platforms).await?
            }
        };
        if self.destination.depth == Depth::Digests || !findings.differences.is_empty() {
            return Ok(findings);
        }
        let (below, manifests) = self.destination.check(&got, Part::Manifest).await?;
        findings.differences.extend(below);
        // Stores that keep no manifests have nothing that refers to one.
        if keep_manifests {
            let attachments = AttachmentComparison {
                attachments: self.image.attachments,
                source: self.source,
                destination: &self.destination,
            };
            attachments.run(manifests, &mut findings).await?;
        }
        Ok(findings)
    }

    /// Compares two manifests that have different digests.
    async fn compare_manifests(
        &self,
        expected: &Digest,
        got: &Digest,
    ) -> Result<Findings, VerifyError> {
        let mut findings = Findings::default();
        match self.compare_cosign_tag(expected, got).await? {
            Some(note) => findings.notes.push(note),
            None if self.image.platforms.is_empty() => {
                findings.differences.push(Difference::Digest {
                    expected: expected.clone(),
                    got: got.clone(),
                });
            }
            None if !self.is_selection(expected, got).await? => {
                findings.differences.push(Difference::Platforms);
            }
            None => {}
        }
        Ok(findings)
    }

    /// Compares signatures if the destination reference is a cosign tag.
    async fn compare_cosign_tag(
        &self,
        expected: &Digest,
        got: &Digest,
    ) -> Result<Option<Note>, VerifyError> {
        let reference = self.image.destination.reference();
        match reference.and_then(|reference| reference.tag.as_ref()) {
            Some(tag) if Attachments::is_cosign_tag(tag) => {
                let (source, destination) = (&self.source, &self.destination.side);
                compare_signatures(source, destination, tag, expected, got).await
            }
            _ => Ok(None),
        }
    }

    /// Whether the destination has exactly the selected platforms of the source's index: one child in the index's
    /// place, or an index of the selected children and their attestations.
    async fn is_selection(&self, expected: &Digest, got: &Digest) -> Result<bool, VerifyError> {
        let index = self.source.manifest(Selector::Digest(expected)).await?;
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
        let copy = self
            .destination
            .side
            .manifest(Selector::Digest(got))
            .await?;
        let kept: HashSet<&Digest> = copy.children().iter().map(|child| &child.digest).collect();
        Ok(!wanted.is_empty() && wanted.is_subset(&kept) && kept.is_subset(&children))
    }
}
