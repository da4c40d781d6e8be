//! What has to be at the destination before its reference may name the image.
//!
//! Decides nothing about what is left out; see `planner`. Invariant: a blob that several manifests name is in the plan
//! once.

use std::{collections::HashSet, iter, sync::Arc};

use super::{attachment::Attachment, graph::Graph, referrer_cache::CopiedAttachments};
use crate::{
    batch::PlannedBlob,
    oci::{Descriptor, Digest, Manifest},
};

/// The manifest that the destination reference is to name.
pub(super) struct Root {
    pub manifest: Manifest,
    pub origin: RootOrigin,
    pub tag: RootTag,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RootOrigin {
    Source,
    /// An index of the selected platforms. Nothing refers to it.
    MadeHere,
}

/// What the destination reference names before the copy.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum RootTag {
    /// The root: only attachments may be missing.
    Present,
    Free,
    /// This other image, which is replaced.
    Replaces(Digest),
}

pub(super) struct CopyPlan {
    pub image: Graph,
    pub origin: RootOrigin,
    pub tag: RootTag,
    /// What is attached to the image, what is attached to that, and so on.
    pub attachments: Vec<Vec<Attachment>>,
    /// The blobs of all of these; shared with observers.
    pub blobs: Arc<[PlannedBlob]>,
    /// What is known to be copied when the plan is carried out.
    pub copies: Vec<CopiedAttachments>,
}

impl CopyPlan {
    pub(super) fn new(
        mut image: Graph,
        origin: RootOrigin,
        tag: RootTag,
        mut attachments: Vec<Vec<Attachment>>,
        copies: Vec<CopiedAttachments>,
    ) -> Self {
        let mut seen = HashSet::new();
        let attached = attachments.iter_mut().flatten();
        let graphs = iter::once(&mut image).chain(attached.map(|attached| &mut attached.graph));
        let blobs = graphs
            .flat_map(|graph| std::mem::take(&mut graph.blobs))
            .filter(|blob| seen.insert(blob.digest.clone()))
            .collect();
        Self {
            image,
            origin,
            tag,
            attachments,
            blobs,
            copies,
        }
    }

    /// Whether the destination has the image and all of its attachments.
    pub(super) fn is_present(&self) -> bool {
        let mut attachments = self.attachments.iter().flatten();
        self.tag == RootTag::Present && attachments.all(|attachment| attachment.is_present)
    }

    /// The image that the destination tag names until it is written.
    pub(super) fn replaces(&self) -> Option<&Digest> {
        match &self.tag {
            RootTag::Present | RootTag::Free => None,
            RootTag::Replaces(digest) => Some(digest),
        }
    }

    /// The image, and what is attached to it.
    pub(super) fn graphs(&self) -> impl Iterator<Item = &Graph> {
        let attachments = self.attachments.iter().flatten();
        iter::once(&self.image).chain(attachments.map(|attached| &attached.graph))
    }

    pub(super) fn manifests(&self) -> impl Iterator<Item = &Manifest> {
        self.graphs().flat_map(Graph::manifests)
    }

    /// Layers that registries do not store.
    pub(super) fn foreign_layers(&self) -> impl Iterator<Item = &Descriptor> {
        self.graphs().flat_map(|graph| &graph.foreign)
    }

    /// About how many bytes of memory the plan takes.
    pub(super) fn memory_bytes(&self) -> usize {
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
            origin: self.origin,
            tag: self.tag,
        }
    }
}
