//! Reads an image of a list, as a copy would: its manifest, and a part of its largest layer.
//!
//! Decides how much is read. Invariant: at most [`MAX_BYTES`] of a layer are read, and at most two manifests, which a
//! registry may count as pulls.

use std::time::{Duration, Instant};

use super::{
    Check, Finding,
    finding::Findings,
    throughput,
    trouble::{Trouble, within},
};
use crate::{
    oci::{Descriptor, Digest, Manifest, Reference, Repository, Version},
    registry::{Client, Error},
};

pub(super) const MAX_BYTES: u64 = 8 << 20;

/// The digest of the image, if it can be read.
pub(super) async fn check(
    client: &Client,
    image: &Reference,
    limit: Duration,
    findings: &Findings,
) -> Option<Digest> {
    let repository = &image.repository;
    let manifest = match within(limit, read_manifest(client, image)).await {
        Ok(manifest) => manifest,
        Err(trouble) => {
            findings.add(unread(client, image, &trouble));
            return None;
        }
    };
    findings.add(Finding::good(Check::Pull, format!("{image} can be read")));
    let layer = manifest.blobs().max_by_key(|blob| blob.size).cloned();
    if let Some(layer) = layer {
        findings.add(download(client, repository, &layer, limit).await);
    }
    Some(manifest.digest)
}

/// The manifest, or the first one of an index.
async fn read_manifest(client: &Client, image: &Reference) -> Result<Manifest, Error> {
    let manifest = client.manifest(&image.repository, &image.version()).await?;
    match manifest.children().first() {
        Some(child) => {
            let version = Version::Digest(child.digest.clone());
            client.manifest(&image.repository, &version).await
        }
        None => Ok(manifest),
    }
}

fn unread(client: &Client, image: &Reference, trouble: &Trouble) -> Finding {
    let detail = format!("{image} cannot be read: it {}", trouble.text());
    Finding::bad(Check::Pull, detail, trouble.advice(client.registry()))
}

/// Reads the beginning of a blob, for at most `limit`.
pub(super) async fn download(
    client: &Client,
    repository: &Repository,
    blob: &Descriptor,
    limit: Duration,
) -> Finding {
    let began = Instant::now();
    let mut moved = 0;
    let reading = async {
        let mut body = client.read_blob(repository, &blob.digest, 0).await?;
        while moved < MAX_BYTES
            && let Some(bytes) = body.next().await?
        {
            moved += bytes.len() as u64;
        }
        Ok::<(), Error>(())
    };
    match within(limit, reading).await {
        Ok(()) => throughput::finding(Check::Download, moved, began.elapsed()),
        // What came until then is a speed, too.
        Err(Trouble::Silent(_)) if moved > 0 => {
            throughput::finding(Check::Download, moved, began.elapsed())
        }
        Err(trouble) => Finding::bad(
            Check::Download,
            format!("a layer cannot be read: it {}", trouble.text()),
            trouble.advice(client.registry()),
        ),
    }
}
