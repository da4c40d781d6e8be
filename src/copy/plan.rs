//! Everything that has to be at the destination before the reference may name the image.
//!
//! Decides what is left out because it is known to be there. Invariant: a blob that several manifests name
//! is in the plan once.

use std::{collections::HashSet, sync::Arc};

use super::{
    CopyError, FoundBlob, Order, Report,
    attached::{Attachment, Search},
    graph::{Graph, Origin},
    site::Site,
};
use crate::{
    oci::{Descriptor, Digest, Manifest},
    registry::ImageBudget,
};

/// What the destination reference is to name.
pub(super) struct Root {
    pub manifest: Manifest,
    /// Whether it was made here, of what the platforms left of the source's index. Nothing refers to it.
    pub rewritten: bool,
    /// Whether the destination reference names it already; only what is attached to it may be missing.
    pub there: bool,
}

pub(super) struct Plan {
    pub image: Graph,
    /// What is attached to the image, to that, and so on.
    pub attached: Vec<Vec<Attachment>>,
    /// The blobs of all of these; shared with who is told of them.
    pub blobs: Arc<[FoundBlob]>,
    /// The manifests whose attachments are in the plan.
    pub subjects: Vec<Digest>,
    pub there: bool,
    rewritten: bool,
}

impl Plan {
    pub(super) async fn make(
        root: Root,
        order: &Order,
        source: &Site,
        destination: &Site,
        budget: &ImageBudget<'_>,
        report: &(dyn Fn(Report) + Send + Sync),
    ) -> Result<Self, CopyError> {
        let (from, into) = (&order.source.repository, &order.destination.repository);
        let Root {
            manifest,
            rewritten,
            there,
        } = root;
        let plan = |image, attached, subjects| Self {
            there,
            ..Self::of(image, rewritten, attached, subjects)
        };
        let only = |image| plan(image, Vec::new(), Vec::new());
        // A new tag for what the repository holds: all there is to write is the manifest.
        if order.source.registry == order.destination.registry && from == into {
            return Ok(only(Graph::of(manifest)));
        }
        let is_complete = |digest: &Digest| destination.has_manifest(into, digest);
        let origin = Origin {
            client: &source.client,
            repository: from,
            budget,
        };
        let image = if there {
            Graph::names(origin, manifest).await?
        } else if is_complete(&manifest.digest) {
            // Another tag of this repository brought all of it.
            Graph::of(manifest)
        } else {
            Graph::read(origin, manifest, &is_complete).await?
        };
        if !order.attachments.any() {
            return Ok(only(image));
        }
        let manifests = image.manifests().skip(usize::from(rewritten));
        let subjects = manifests.map(|manifest| &manifest.digest);
        let subjects: Vec<Digest> = subjects
            .chain(&image.left_out)
            .filter(|subject| !destination.attached.is_complete(into, subject))
            .cloned()
            .collect();
        let mut seen = subjects.iter().cloned().collect();
        let search = Search {
            wanted: order.attachments,
            origin,
            source,
            destination,
            into,
            report,
        };
        let attached = search.run(subjects.clone(), &mut seen).await?;
        Ok(plan(image, attached, subjects))
    }

    fn of(
        mut image: Graph,
        rewritten: bool,
        mut attached: Vec<Vec<Attachment>>,
        subjects: Vec<Digest>,
    ) -> Self {
        let mut seen = HashSet::new();
        let attachments = attached.iter_mut().flatten();
        let graphs =
            std::iter::once(&mut image).chain(attachments.map(|attached| &mut attached.graph));
        let blobs = graphs
            .flat_map(|graph| std::mem::take(&mut graph.blobs))
            .filter(|blob| seen.insert(blob.descriptor.digest.clone()))
            .collect();
        Self {
            image,
            attached,
            blobs,
            subjects,
            there: false,
            rewritten,
        }
    }

    /// Whether nothing of it is missing.
    pub(super) fn is_there(&self) -> bool {
        self.there
            && self
                .attached
                .iter()
                .flatten()
                .all(|attachment| attachment.there)
    }

    /// Every manifest of the image and of what is attached to it.
    pub(super) fn manifests(&self) -> impl Iterator<Item = &Manifest> {
        let attachments = self.attached.iter().flatten();
        std::iter::once(&self.image)
            .chain(attachments.map(|attached| &attached.graph))
            .flat_map(Graph::manifests)
    }

    /// About how many bytes of memory it takes.
    pub(super) fn weight(&self) -> usize {
        /// Of a blob, in its manifest and in the plan.
        const BLOB: usize = 512;
        let manifests = self.manifests();
        let raw: usize = manifests.map(|manifest| manifest.raw.len()).sum();
        raw + BLOB * self.blobs.len()
    }

    /// What the plan was made for.
    pub(super) fn into_root(self) -> Root {
        Root {
            manifest: self.image.root,
            rewritten: self.rewritten,
            there: self.there,
        }
    }

    /// Layers whose bytes registries do not hold.
    pub(super) fn foreign(&self) -> impl Iterator<Item = &Descriptor> {
        let attachments = self.attached.iter().flatten();
        std::iter::once(&self.image)
            .chain(attachments.map(|attached| &attached.graph))
            .flat_map(|graph| &graph.foreign)
    }
}
