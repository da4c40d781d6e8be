//! One image from beginning to end: is it there, what is below it, its blobs, its manifests, its tag.
//!
//! Invariant: requests go out in the order that spares most of them: the destination is asked first, so
//! an image that is there costs one HEAD a side, and a new one no HEAD at the source.

use futures_util::{StreamExt, TryStreamExt, future, stream};

use super::{
    CopyError, Done, Order, Report, Side,
    error::blame,
    graph::{Graph, Selected, select},
    ladder::BlobCopy,
    site::Site,
};
use crate::{
    oci::{Digest, Manifest, Repository, Version},
    registry::{Class, ErrorCause},
};

/// Manifests written at once for one image.
const WRITERS: usize = 6;

pub(super) struct ImageCopy<'a> {
    pub order: &'a Order,
    pub source: &'a Site,
    pub destination: &'a Site,
    pub report: &'a (dyn Fn(Report) + Send + Sync),
}

impl ImageCopy<'_> {
    pub(super) async fn run(self) -> Result<Done, CopyError> {
        let existing = self.existing().await?;
        let from = self.order.source.version();
        if let Some(existing) = &existing
            && self.order.platforms.is_empty()
            && self.source_digest(&from).await?.as_ref() == Some(existing)
        {
            return Ok(Done::UpToDate {
                root: existing.clone(),
            });
        }
        let root = self.root(&from).await?;
        if existing.as_ref() == Some(&root.digest) {
            return Ok(Done::UpToDate { root: root.digest });
        }
        let graph = self.plan(root).await?;
        self.settle(&graph).await?;
        match self.write(&graph).await {
            Err(error) if is_missing_content(&error) => {
                // What the journal or an answer promised is gone: ask for every blob this time.
                for blob in &graph.blobs {
                    self.destination
                        .claims
                        .forget(&blob.descriptor.digest, self.home());
                }
                self.destination.mark_used(self.home());
                self.settle(&graph).await?;
                self.write(&graph).await?;
            }
            written => written?,
        }
        Ok(Done::Copied {
            root: graph.root.digest,
        })
    }

    /// The digest the destination reference has now.
    async fn existing(&self) -> Result<Option<Digest>, CopyError> {
        let version = self.order.destination.version();
        match self
            .destination
            .client
            .manifest_head(self.home(), &version)
            .await
        {
            Ok(head) => Ok(head.map(|head| head.digest)),
            // Some registries refuse to say whether what they do not have exists (quirk 25); writing
            // will show whether the credentials are good.
            Err(error) if error.status() == Some(403) => Ok(None),
            Err(error) => Err(blame(Side::Destination)(error)),
        }
    }

    async fn source_digest(&self, version: &Version) -> Result<Option<Digest>, CopyError> {
        match version {
            Version::Digest(digest) => Ok(Some(digest.clone())),
            Version::Tag(_) => {
                let head = self
                    .source
                    .client
                    .manifest_head(self.origin(), version)
                    .await;
                Ok(head.map_err(blame(Side::Source))?.map(|head| head.digest))
            }
        }
    }

    /// The manifest that the destination reference will name.
    async fn root(&self, version: &Version) -> Result<Manifest, CopyError> {
        let client = &self.source.client;
        let manifest = client
            .manifest(self.origin(), version)
            .await
            .map_err(blame(Side::Source))?;
        match select(client, &manifest, &self.order.platforms)? {
            Selected::Whole => Ok(manifest),
            Selected::Child(child) => {
                let version = Version::Digest(child);
                client
                    .manifest(self.origin(), &version)
                    .await
                    .map_err(blame(Side::Source))
            }
            Selected::Rewritten(index) => {
                (self.report)(Report::Noted(format!(
                    "the index keeps only the platforms asked for, so its digest changes from {} to {}",
                    manifest.digest, index.digest
                )));
                Ok(*index)
            }
        }
    }

    async fn plan(&self, root: Manifest) -> Result<Graph, CopyError> {
        let repository = self.home();
        let graph = if self.destination.has_manifest(repository, &root.digest) {
            // Another tag of this repository brought all of it.
            Graph {
                root,
                levels: Vec::new(),
                foreign: Vec::new(),
                blobs: Vec::new(),
            }
        } else {
            let is_complete = |digest: &Digest| self.destination.has_manifest(repository, digest);
            Graph::read(&self.source.client, self.origin(), root, &is_complete).await?
        };
        for layer in &graph.foreign {
            (self.report)(Report::Noted(format!(
                "layer {} is not held by registries; it stays at {}",
                layer.digest,
                layer.urls.join(", ")
            )));
        }
        (self.report)(Report::Planned {
            root: graph.root.digest.clone(),
            blobs: graph.blobs.clone(),
        });
        Ok(graph)
    }

    /// Brings every blob where it should be. A blob that fails does not take the others down: what they
    /// have sent would be sent again by the next attempt.
    async fn settle(&self, graph: &Graph) -> Result<(), CopyError> {
        let mut blobs: Vec<_> = graph.blobs.iter().map(|blob| &blob.descriptor).collect();
        blobs.sort_by_key(|blob| std::cmp::Reverse(blob.size));
        let copies = blobs.into_iter().map(|blob| {
            BlobCopy {
                image: self.order.image,
                blob,
                source: self.source,
                from: self.origin(),
                destination: self.destination,
                into: self.home(),
                report: self.report,
            }
            .run()
        });
        future::join_all(copies).await.into_iter().collect()
    }

    /// Writes the manifests, children before parents, and the reference last.
    async fn write(&self, graph: &Graph) -> Result<(), CopyError> {
        let client = &self.destination.client;
        let repository = self.home();
        for level in graph.levels.iter().rev() {
            let writes: Vec<_> = level
                .iter()
                .map(|manifest| self.write_child(manifest))
                .collect();
            stream::iter(writes)
                .buffer_unordered(WRITERS)
                .try_collect::<()>()
                .await?;
        }
        let version = match &self.order.destination.tag {
            Some(tag) => Version::Tag(tag.clone()),
            None => Version::Digest(graph.root.digest.clone()),
        };
        client
            .put_manifest(repository, &version, &graph.root)
            .await
            .map_err(blame(Side::Destination))?;
        self.destination
            .add_manifest(repository, &graph.root.digest);
        Ok(())
    }

    async fn write_child(&self, manifest: &Manifest) -> Result<(), CopyError> {
        let version = Version::Digest(manifest.digest.clone());
        self.destination
            .client
            .put_manifest(self.home(), &version, manifest)
            .await
            .map_err(blame(Side::Destination))?;
        self.destination.add_manifest(self.home(), &manifest.digest);
        Ok(())
    }

    fn origin(&self) -> &Repository {
        &self.order.source.repository
    }

    fn home(&self) -> &Repository {
        &self.order.destination.repository
    }
}

/// Whether a registry refused a manifest because something below it is not there.
fn is_missing_content(error: &CopyError) -> bool {
    let CopyError::Registry {
        side: Side::Destination,
        error,
    } = error
    else {
        return false;
    };
    matches!(error.class(), Class::Rejected | Class::NotFound)
        && matches!(&*error.cause, ErrorCause::Status { code: Some(code), .. }
            if matches!(code.as_str(), "MANIFEST_BLOB_UNKNOWN" | "BLOB_UNKNOWN"))
}
