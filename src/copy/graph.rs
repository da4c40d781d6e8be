//! An image's manifests, level by level, and its blobs.
//!
//! Decides what belongs to an image (image-spec image-index.md, manifest.md). Invariant: each manifest and each blob is
//! in the graph once.

use std::collections::HashSet;

use super::{
    CopyError,
    image_limits::MAX_DEPTH,
    manifest_reader::{Child, ManifestReader},
};
use crate::{
    batch::{BlobKind, PlannedBlob},
    oci::{Descriptor, Digest, Manifest, ManifestContent},
};

pub(super) struct Graph {
    /// What the destination reference will name.
    pub root: Manifest,
    /// Manifests below the root, the deepest level last.
    pub levels: Vec<Vec<Manifest>>,
    /// Layers that registries do not store: their descriptors have URLs.
    pub foreign: Vec<Descriptor>,
    pub blobs: Vec<PlannedBlob>,
    /// Children that are complete at the destination, which were not read.
    pub complete_children: Vec<Digest>,
}

impl Graph {
    /// Only `root`: everything below it is at the destination.
    pub(super) fn of(root: Manifest) -> Self {
        Self {
            root,
            levels: Vec::new(),
            foreign: Vec::new(),
            blobs: Vec::new(),
            complete_children: Vec::new(),
        }
    }

    /// The manifests of an image that is at the destination, as far as its indexes name them, and no blobs.
    pub(super) async fn read_index(
        source: ManifestReader<'_>,
        root: Manifest,
    ) -> Result<Self, CopyError> {
        let images = root.children().iter();
        let images: HashSet<Digest> = images
            .filter(|child| !child.media_type.is_index())
            .map(|child| child.digest.clone())
            .collect();
        let is_image = |digest: &Digest| images.contains(digest);
        let mut graph = Self::read(source, root, &is_image).await?;
        graph.blobs.clear();
        graph.foreign.clear();
        Ok(graph)
    }

    /// The root, and the manifests that were read below it.
    pub(super) fn manifests(&self) -> impl Iterator<Item = &Manifest> {
        std::iter::once(&self.root).chain(self.levels.iter().flatten())
    }

    /// Reads what is below `root`, except for children that are complete at the destination.
    pub(super) async fn read(
        source: ManifestReader<'_>,
        root: Manifest,
        is_complete: &(dyn Fn(&Digest) -> bool + Send + Sync),
    ) -> Result<Self, CopyError> {
        let mut graph = Self::of(root);
        let mut blobs = HashSet::new();
        let mut seen = HashSet::new();
        source.admit_blobs(graph.root.blobs())?;
        graph.add_blobs(&graph.root.clone(), &mut blobs);
        loop {
            let above = match graph.levels.last() {
                Some(level) => level.as_slice(),
                None => std::slice::from_ref(&graph.root),
            };
            let named = above.iter().flat_map(Manifest::children);
            let named: Vec<Descriptor> = named
                .filter(|child| seen.insert(child.digest.clone()))
                .cloned()
                .collect();
            let mut entries = Vec::new();
            for child in named {
                if is_complete(&child.digest) {
                    graph.complete_children.push(child.digest);
                } else if child.is_blob() {
                    source.admit_blobs([&child])?;
                    graph.add_blob(&child, BlobKind::Layer, &mut blobs);
                } else {
                    entries.push(child);
                }
            }
            if entries.is_empty() {
                return Ok(graph);
            }
            if graph.levels.len() == MAX_DEPTH {
                return Err(CopyError::TooDeep(MAX_DEPTH));
            }
            let mut level = Vec::with_capacity(entries.len());
            for child in source.read_children(entries).await? {
                match child {
                    Child::Manifest(manifest) => {
                        graph.add_blobs(&manifest, &mut blobs);
                        level.push(*manifest);
                    }
                    Child::Blob(blob) => graph.add_blob(&blob, BlobKind::Layer, &mut blobs),
                }
            }
            graph.levels.push(level);
        }
    }

    fn add_blobs(&mut self, manifest: &Manifest, seen: &mut HashSet<Digest>) {
        let config = match &manifest.content {
            ManifestContent::Image { config, .. } => config.as_deref(),
            ManifestContent::Index(_) => None,
        };
        for blob in manifest.blobs() {
            let is_config = config.is_some_and(|config| std::ptr::eq(config, blob));
            let kind = match is_config {
                true => BlobKind::Config,
                false => BlobKind::Layer,
            };
            self.add_blob(blob, kind, seen);
        }
    }

    fn add_blob(&mut self, blob: &Descriptor, kind: BlobKind, seen: &mut HashSet<Digest>) {
        if !seen.insert(blob.digest.clone()) {
            return;
        }
        if blob.media_type.is_foreign_layer() && !blob.urls.is_empty() {
            self.foreign.push(blob.clone());
        } else {
            // Plans are kept in memory: drop the other fields, and share the text of equal types.
            let before = self.blobs.last().and_then(|blob| blob.media_type.as_ref());
            let media_type = before.filter(|before| **before == blob.media_type);
            self.blobs.push(PlannedBlob {
                digest: blob.digest.clone(),
                size: blob.size,
                kind,
                media_type: Some(media_type.unwrap_or(&blob.media_type).clone()),
            });
        }
    }
}
