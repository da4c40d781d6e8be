//! An opened Docker archive: its images, their manifests and their blobs.
//!
//! Decides when a layer is compressed: when the manifest of its image is asked for, with all layers of the image at
//! once. Invariant: a manifest is made once for each layer format.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use futures_util::future::try_join_all;
use tokio::sync::OnceCell;

use super::{
    super::{
        LocalErrorCause,
        blocking::run_blocking,
        layers::{CompressedLayer, LayerSpool},
        section::Section,
        tar_index::TarIndex,
    },
    docker_manifest::{self, Blob},
    image_list::{ImageParts, ListedImage, find, open_parts, read_list},
    inner_layout::InnerLayout,
};
use crate::{
    oci::{Digest, Manifest, StoredName},
    transport::{Codec, LayerFormat, Uncompressed},
};

#[derive(Debug)]
pub(in crate::transport::local) struct ArchiveReader {
    tar: TarIndex,
    images: Vec<ListedImage>,
    spool: Arc<LayerSpool>,
    inner: OnceLock<Option<InnerLayout>>,
    made: Mutex<MadeImages>,
}

type MadeImages = HashMap<(usize, LayerFormat), Arc<OnceCell<Arc<MadeImage>>>>;

/// An image with its manifest.
#[derive(Debug)]
pub(in crate::transport::local) struct MadeImage {
    pub(in crate::transport::local) manifest: Manifest,
    blobs: HashMap<Digest, BlobPlace>,
}

/// Where the bytes of a blob are.
#[derive(Clone, Debug)]
enum BlobPlace {
    /// A config, or a layer as it is.
    Stored(Section),
    Compressed {
        plain: Section,
        diff_id: Digest,
        compression: Codec,
        layer: CompressedLayer,
    },
}

impl ArchiveReader {
    /// Blocks on the disk.
    pub(in crate::transport::local) fn read(
        tar: TarIndex,
        spool: Arc<LayerSpool>,
    ) -> Result<Self, LocalErrorCause> {
        Ok(Self {
            images: read_list(&tar)?,
            tar,
            spool,
            inner: OnceLock::new(),
            made: Mutex::default(),
        })
    }

    pub(in crate::transport::local) fn path(&self) -> &Path {
        self.tar.path()
    }

    /// The OCI layout in the archive, if there is one. Blocks on the disk.
    pub(super) fn inner_layout(&self) -> Option<&InnerLayout> {
        let inner = self.inner.get_or_init(|| InnerLayout::open(&self.tar));
        inner.as_ref()
    }

    /// The id of the image `name`. Blocks on the disk.
    pub(super) fn config_id(&self, name: Option<&StoredName>) -> Result<Digest, LocalErrorCause> {
        let position = find(&self.images, name)?;
        Ok(self.open_parts(position)?.config_id)
    }

    /// Every name of every image, in the order of the archive; the position of an image without a name.
    pub(in crate::transport::local) fn names(&self) -> Vec<StoredName> {
        let images = self.images.iter().enumerate();
        let names = images.flat_map(|(position, image)| {
            let tags = image.repo_tags.iter().cloned().map(StoredName::Name);
            let unnamed = image.repo_tags.is_empty();
            tags.chain(unnamed.then_some(StoredName::Position(position)))
        });
        names.collect()
    }

    pub(super) fn tags(&self) -> impl Iterator<Item = &str> {
        let images = self.images.iter();
        images.flat_map(|image| image.repo_tags.iter().map(String::as_str))
    }

    pub(in crate::transport::local) fn find(
        &self,
        name: Option<&StoredName>,
    ) -> Result<usize, LocalErrorCause> {
        find(&self.images, name)
    }

    fn open_parts(&self, position: usize) -> Result<ImageParts, LocalErrorCause> {
        match self.images.get(position) {
            Some(image) => open_parts(&self.tar, image),
            None => Err(LocalErrorCause::NotFound("it has no such image".into())),
        }
    }

    /// The layers of the image at `position` that are to be compressed and are not yet.
    pub(super) async fn uncompressed(
        self: &Arc<Self>,
        position: usize,
        format: LayerFormat,
    ) -> Result<Uncompressed, LocalErrorCause> {
        let LayerFormat::Compressed(compression) = format else {
            return Ok(Uncompressed::default());
        };
        let reader = Arc::clone(self);
        run_blocking(move || {
            let mut layers = reader.open_parts(position)?.layers;
            layers.retain(|layer| !reader.spool.has(&layer.diff_id, compression));
            Ok(Uncompressed {
                layers: layers.len(),
                bytes: layers.iter().map(|layer| layer.file.remaining()).sum(),
            })
        })
        .await
    }

    /// The image at `position`, its layers compressed if that is wanted.
    pub(in crate::transport::local) async fn image(
        self: &Arc<Self>,
        position: usize,
        format: LayerFormat,
    ) -> Result<Arc<MadeImage>, LocalErrorCause> {
        let cell = Arc::clone(self.made().entry((position, format)).or_default());
        let make = || self.make(position, format);
        cell.get_or_try_init(make).await.cloned()
    }

    async fn make(
        self: &Arc<Self>,
        position: usize,
        format: LayerFormat,
    ) -> Result<Arc<MadeImage>, LocalErrorCause> {
        let reader = Arc::clone(self);
        let parts = run_blocking(move || reader.open_parts(position)).await?;
        let layers = parts.layers.into_iter().map(|layer| async move {
            let plain = layer.file;
            let LayerFormat::Compressed(compression) = format else {
                let (digest, size) = (layer.diff_id, plain.remaining());
                return Ok((Blob { digest, size }, BlobPlace::Stored(plain)));
            };
            let diff_id = layer.diff_id;
            let open = || Ok(plain.clone());
            let layer = (self.spool).compressed(&diff_id, compression, &open);
            let layer = layer.await?;
            let blob = Blob {
                digest: layer.digest.clone(),
                size: layer.size,
            };
            let place = BlobPlace::Compressed {
                plain,
                diff_id,
                compression,
                layer,
            };
            Ok::<_, LocalErrorCause>((blob, place))
        });
        let layers = try_join_all(layers).await?;
        let config = Blob {
            digest: parts.config_id,
            size: parts.config.remaining(),
        };
        let described: Vec<Blob> = layers.iter().map(|(blob, _)| blob.clone()).collect();
        let manifest = docker_manifest::make(&config, &described, format)?;
        let mut blobs: HashMap<Digest, BlobPlace> = (layers.into_iter())
            .map(|(blob, place)| (blob.digest, place))
            .collect();
        blobs.insert(config.digest, BlobPlace::Stored(parts.config));
        Ok(Arc::new(MadeImage { manifest, blobs }))
    }

    /// The manifest with `digest`, if it was made.
    pub(in crate::transport::local) fn made_manifest(
        &self,
        digest: &Digest,
    ) -> Option<Arc<MadeImage>> {
        self.made_images()
            .into_iter()
            .find(|image| image.manifest.digest == *digest)
    }

    /// Opens a blob of an image whose manifest was made; `None` if none has it.
    pub(in crate::transport::local) async fn open_blob(
        &self,
        digest: &Digest,
    ) -> Result<Option<Section>, LocalErrorCause> {
        let images = self.made_images();
        let place = (images.iter()).find_map(|image| image.blobs.get(digest).cloned());
        Ok(match place {
            None => None,
            Some(BlobPlace::Stored(file)) => Some(file),
            Some(BlobPlace::Compressed {
                plain,
                diff_id,
                compression,
                layer,
            }) => {
                let open = || Ok(plain.clone());
                let file = (self.spool).open(&diff_id, compression, &layer, &open);
                Some(file.await?)
            }
        })
    }

    fn made_images(&self) -> Vec<Arc<MadeImage>> {
        let made = self.made();
        made.values()
            .filter_map(|cell| cell.get().cloned())
            .collect()
    }

    fn made(&self) -> MutexGuard<'_, MadeImages> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
