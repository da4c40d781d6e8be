//! Copies all of one image from a source to a destination, one step after the other.

use std::{pin::Pin, sync::Arc};

use transship::{
    batch::{BlobKind, PlannedBlob, Settled},
    oci::{Digest, Manifest},
    registry::{ImageBudget, StreamQueue},
    transport::{BlobReport, Destination, Error, OpenStore, PutBlob, Referrers, Selector, Source},
};

use super::sample_layout::name;

/// What a copy did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Copied {
    pub root: Option<Digest>,
    /// Blobs that were copied, and those that were there.
    pub moved: usize,
    pub present: usize,
    pub manifests: usize,
}

/// Copies an image into a store; without a name if it is empty.
pub async fn copy_into(
    source: &Arc<dyn Source>,
    store: &Arc<dyn OpenStore>,
    image: &str,
) -> Result<Copied, Error> {
    let destination = destination(store, image).await?;
    copy(source, &*destination).await
}

/// The image `image` of a store, to be written; without a name if it is empty.
pub async fn destination(
    store: &Arc<dyn OpenStore>,
    image: &str,
) -> Result<Arc<dyn Destination>, Error> {
    let image = (!image.is_empty()).then(|| name(image));
    Arc::clone(store).destination(image.as_ref()).await
}

/// The manifest of an image.
pub async fn root(source: &dyn Source) -> Result<Manifest, Error> {
    let budget = ImageBudget::new(|| ());
    source.manifest(Selector::Image, &budget).await
}

pub async fn copy(
    source: &Arc<dyn Source>,
    destination: &dyn Destination,
) -> Result<Copied, Error> {
    let root = root(&**source).await?;
    let mut copied = Copied::default();
    copy_manifest(source, destination, &root, true, &mut copied).await?;
    copied.root = Some(root.digest);
    Ok(copied)
}

fn copy_manifest<'a>(
    source: &'a Arc<dyn Source>,
    destination: &'a dyn Destination,
    manifest: &'a Manifest,
    is_root: bool,
    copied: &'a mut Copied,
) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>> {
    Box::pin(async move {
        for child in manifest.children() {
            let child = source.described_manifest(child).await?;
            copy_manifest(source, destination, &child, false, copied).await?;
        }
        for blob in manifest.blobs() {
            let blob = PlannedBlob {
                digest: blob.digest.clone(),
                size: blob.size,
                kind: BlobKind::Layer,
                media_type: Some(blob.media_type.clone()),
            };
            match put_blob(source, destination, &blob).await? {
                Settled::Copied => copied.moved += 1,
                Settled::Present => copied.present += 1,
                Settled::Mounted { .. } => unreachable!("local stores mount nothing"),
            }
        }
        let selector = match is_root {
            true => Selector::Image,
            false => Selector::Digest(&manifest.digest),
        };
        destination.put_manifest(selector, manifest).await?;
        copied.manifests += 1;
        let budget = ImageBudget::new(|| ());
        let referrers = match source.referrers(&manifest.digest, &budget).await? {
            Referrers::Listed(referrers) => referrers,
            Referrers::NoApi => Vec::new(),
            Referrers::Refused(error) => return Err(error),
        };
        for referrer in referrers {
            let referrer = source.described_manifest(&referrer).await?;
            copy_manifest(source, destination, &referrer, false, copied).await?;
        }
        Ok(())
    })
}

async fn put_blob(
    source: &Arc<dyn Source>,
    destination: &dyn Destination,
    blob: &PlannedBlob,
) -> Result<Settled, Error> {
    let streams = StreamQueue::default();
    let report = |_: BlobReport| {};
    let put = PutBlob {
        blob,
        source,
        mount_from: None,
        is_absent: false,
        streams: &streams,
        report: &report,
    };
    destination.put_blob(put).await.map_err(|error| error.error)
}
