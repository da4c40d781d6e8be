//! Everything that has to be at the destination before the reference may name the image.
//!
//! Decides what is left out because it is known to be there. Invariant: a blob that several manifests name
//! is in the plan once.

use std::{
    collections::HashSet,
    sync::{Arc, atomic::AtomicBool},
};

use super::{
    CopyError, Report,
    graph::{Graph, Origin},
    referrers::{Attachment, Brought, Search},
    registry_state::RegistryState,
};
use crate::{
    batch::{Job, PlannedBlob},
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
    /// The other image that the destination tag names, and no longer will.
    pub replaces: Option<Digest>,
}

pub(super) struct Plan {
    pub image: Graph,
    /// What is attached to the image, to that, and so on.
    pub attached: Vec<Vec<Attachment>>,
    /// The blobs of all of these; shared with who is told of them.
    pub blobs: Arc<[PlannedBlob]>,
    /// The manifests whose attachments are in the plan.
    pub brings: Vec<Brought>,
    pub there: bool,
    /// What the destination tag names until it is written.
    pub replaces: Option<Digest>,
    rewritten: bool,
}

impl Plan {
    pub(super) async fn make(
        root: Root,
        order: &Job,
        source: &RegistryState,
        destination: &RegistryState,
        budget: &ImageBudget<'_>,
        report: &(dyn Fn(Report) + Send + Sync),
    ) -> Result<Self, CopyError> {
        let (from, into) = (
            &order.spec.source.repository,
            &order.spec.destination.repository,
        );
        let Root {
            manifest,
            rewritten,
            there,
            replaces,
        } = root;
        let plan = |image, attached, brings| Self {
            there,
            replaces: replaces.clone(),
            ..Self::of(image, rewritten, attached, brings)
        };
        let only = |image| plan(image, Vec::new(), Vec::new());
        // A new tag for what the repository holds: all there is to write is the manifest.
        if order.spec.source.registry == order.spec.destination.registry && from == into {
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
        if !order.spec.attachments.any() {
            return Ok(only(image));
        }
        let manifests = image.manifests().skip(usize::from(rewritten));
        let own = manifests.map(|manifest| &manifest.digest);
        let own: Vec<Digest> = own.chain(&image.left_out).cloned().collect();
        let taken = own.iter().cloned().collect();
        let subjects = own.into_iter().map(|subject| Brought {
            registry: order.spec.source.registry.clone(),
            from: from.clone(),
            into: into.clone(),
            subject,
        });
        let brings: Vec<Brought> = subjects
            .filter(|brought| !destination.referrer_cache.is_complete(brought))
            .collect();
        let subjects = brings
            .iter()
            .map(|brought| brought.subject.clone())
            .collect();
        let search = Search {
            wanted: order.spec.attachments,
            origin,
            source,
            destination,
            into,
            report,
            hidden: AtomicBool::default(),
        };
        let attached = search.run(subjects, taken).await?;
        Ok(plan(image, attached, brings))
    }

    fn of(
        mut image: Graph,
        rewritten: bool,
        mut attached: Vec<Vec<Attachment>>,
        brings: Vec<Brought>,
    ) -> Self {
        let mut seen = HashSet::new();
        let attachments = attached.iter_mut().flatten();
        let graphs =
            std::iter::once(&mut image).chain(attachments.map(|attached| &mut attached.graph));
        let blobs = graphs
            .flat_map(|graph| std::mem::take(&mut graph.blobs))
            .filter(|blob| seen.insert(blob.digest.clone()))
            .collect();
        Self {
            image,
            attached,
            blobs,
            brings,
            there: false,
            replaces: None,
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
            replaces: self.replaces,
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
