//! The OCI layout that Docker 25 and later put into their archives.
//!
//! Decides whether an image is read from it: if it is there as a whole, and if its layers are wanted as they are or are
//! compressed already. Its manifests are the originals then. All functions block on the disk. Invariant: an image that
//! lacks a part in the layout is read from `manifest.json`.

use std::collections::HashMap;

use super::super::{layout::Layout, store_files::StoreFiles, tar_index::TarIndex};
use crate::{
    oci::{Descriptor, Digest, Manifest, StoredName},
    transport::LayerFormat,
};

const MARKER: &str = "oci-layout";
/// Manifests that are read to find images.
const MAX_MANIFESTS: usize = 10_000;
/// Layer types of other tools end so when they are not compressed.
const PLAIN_SUFFIX: &str = ".tar";

#[derive(Debug)]
pub(super) struct InnerLayout {
    layout: std::sync::Arc<Layout>,
    /// The images in the order of `index.json`, by the configs in them.
    positions: HashMap<Digest, usize>,
}

impl InnerLayout {
    /// The layout of an archive, if it has one.
    pub(super) fn open(tar: &TarIndex) -> Option<Self> {
        if !tar.has(MARKER) {
            return None;
        }
        let layout = Layout::open(StoreFiles::Archive(tar.clone())).ok()?;
        let mut positions = HashMap::new();
        let mut budget = MAX_MANIFESTS;
        for (position, image) in layout.index().ok()?.descriptors().enumerate() {
            for manifest in manifests(&layout, image, &mut budget).unwrap_or_default() {
                let config = manifest.blobs().next().map(|config| config.digest.clone());
                if let Some(config) = config {
                    positions.entry(config).or_insert(position);
                }
            }
        }
        Some(Self {
            layout: layout.into(),
            positions,
        })
    }

    pub(super) fn layout(&self) -> &std::sync::Arc<Layout> {
        &self.layout
    }

    /// The name of the image with `config`, if its layers are wanted as they are in the layout.
    pub(super) fn find(&self, config: &Digest, format: LayerFormat) -> Option<StoredName> {
        let position = *self.positions.get(config)?;
        let index = self.layout.index().ok()?;
        let image = index.descriptors().nth(position)?;
        let mut budget = MAX_MANIFESTS;
        let manifests = manifests(&self.layout, image, &mut budget)?;
        let mut blobs = manifests.iter().flat_map(Manifest::blobs);
        let is_wanted = blobs.all(|blob| {
            let has_blob = self.layout.length(&blob.digest).ok() == Some(Some(blob.size));
            has_blob && (format == LayerFormat::AsStored || !is_plain_layer(blob))
        });
        is_wanted.then_some(StoredName::Position(position))
    }
}

/// The manifest of `image`, or those of its children; `None` if one is missing.
fn manifests(layout: &Layout, image: &Descriptor, budget: &mut usize) -> Option<Vec<Manifest>> {
    *budget = budget.checked_sub(1)?;
    let manifest = layout.manifest(image).ok()?;
    if !manifest.media_type.is_index() {
        return Some(vec![manifest]);
    }
    let children = manifest.children().iter().map(|child| {
        *budget = budget.checked_sub(1)?;
        let child = layout.manifest(child).ok()?;
        // An index in an index is not what Docker writes.
        (!child.media_type.is_index()).then_some(child)
    });
    children.collect()
}

fn is_plain_layer(blob: &Descriptor) -> bool {
    blob.media_type.as_str().ends_with(PLAIN_SUFFIX)
}
