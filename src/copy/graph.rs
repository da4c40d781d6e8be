//! Everything below an image: its manifests level by level, and its blobs, each once.
//!
//! Decides what belongs to an image (image-spec image-index.md, manifest.md) and what platforms select.
//! Invariant: manifests are in an order in which children come before parents, and nothing is read or kept that
//! the image's budget was not charged for.

use std::collections::HashSet;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use super::{CopyError, error::blame};
use crate::{
    batch::{BlobKind, PlannedBlob, Side},
    oci::{
        Descriptor, Digest, Manifest, ManifestContent, MediaType, Platform, Repository, Version,
    },
    registry::{Client, Error, ErrorCause, ImageBudget, MAX_MANIFEST_BYTES, Operation},
};

/// Manifests read at once for one image.
pub(super) const READERS: usize = 6;
/// Tasks prepared at once for one image: each takes some kilobytes before it begins.
pub(super) const TOGETHER: usize = 32;
/// Indexes in indexes are rare; deeper than this is a mistake or an attack.
pub(super) const MAX_DEPTH: usize = 5;
/// Docker's builder marks the manifest that attests another one in the same index.
const ATTESTS: &str = "vnd.docker.reference.digest";

/// The source of one image.
#[derive(Clone, Copy)]
pub(super) struct Origin<'a> {
    pub client: &'a Client,
    pub repository: &'a Repository,
    pub budget: &'a ImageBudget<'a>,
}

pub(super) struct Graph {
    /// What the destination reference will name.
    pub root: Manifest,
    /// Manifests below the root, the deepest level last.
    pub levels: Vec<Vec<Manifest>>,
    /// Layers whose bytes registries do not hold.
    pub foreign: Vec<Descriptor>,
    pub blobs: Vec<PlannedBlob>,
    /// Children that are at the destination already.
    pub left_out: Vec<Digest>,
}

impl Graph {
    /// Nothing but `root`: what is below it is known to be at the destination.
    pub(super) fn of(root: Manifest) -> Self {
        Self {
            root,
            levels: Vec::new(),
            foreign: Vec::new(),
            blobs: Vec::new(),
            left_out: Vec::new(),
        }
    }

    /// What an image that is at the destination is made of, as far as its indexes say; nothing of it is to
    /// be copied.
    pub(super) async fn names(source: Origin<'_>, root: Manifest) -> Result<Self, CopyError> {
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

    /// The root and all manifests read below it.
    pub(super) fn manifests(&self) -> impl Iterator<Item = &Manifest> {
        std::iter::once(&self.root).chain(self.levels.iter().flatten())
    }

    /// Reads what is below `root`. Children that `is_complete` knows at the destination are left out.
    pub(super) async fn read(
        source: Origin<'_>,
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
            let mut wanted = Vec::new();
            for child in named {
                if is_complete(&child.digest) {
                    graph.left_out.push(child.digest);
                } else if is_blob(&child) {
                    source.admit_blobs([&child])?;
                    graph.add_blob(&child, BlobKind::Layer, &mut blobs);
                } else {
                    wanted.push(child);
                }
            }
            if wanted.is_empty() {
                return Ok(graph);
            }
            if graph.levels.len() == MAX_DEPTH {
                return Err(CopyError::TooDeep(MAX_DEPTH));
            }
            let mut level = Vec::with_capacity(wanted.len());
            for child in source.read_all(wanted).await? {
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
            // Most layers of an image have one type, whose text they share.
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

enum Child {
    Manifest(Box<Manifest>),
    Blob(Box<Descriptor>),
}

impl Origin<'_> {
    /// A manifest that nothing described.
    pub(super) async fn manifest(&self, version: &Version) -> Result<Manifest, Error> {
        self.client
            .manifest_within(self.repository, version, self.budget)
            .await
    }

    fn admit_blobs<'d>(
        &self,
        blobs: impl IntoIterator<Item = &'d Descriptor>,
    ) -> Result<(), CopyError> {
        let admitted = self.client.admit_blobs(self.budget, blobs);
        admitted.map_err(blame(Side::Source))
    }

    /// Reads what an index names. What says that it is a manifest is charged before any of it is read.
    async fn read_all(&self, wanted: Vec<Descriptor>) -> Result<Vec<Child>, CopyError> {
        let manifests = wanted.iter().filter(|child| child.media_type.is_manifest());
        let admitted = self.client.admit_manifests(self.budget, manifests);
        admitted.await.map_err(blame(Side::Source))?;
        stream::iter(wanted)
            .map(|child| self.read(child))
            .buffered(READERS)
            .try_collect()
            .await
    }

    /// Reads what an index names. A type nobody knows is looked for among the manifests and, if it is not
    /// there or too large, taken for a blob (quirk 49).
    async fn read(&self, child: Descriptor) -> Result<Child, CopyError> {
        let is_manifest = child.media_type.is_manifest();
        let manifest = match is_manifest {
            true => {
                self.client
                    .described_manifest(self.repository, &child)
                    .await
            }
            false if child.size > MAX_MANIFEST_BYTES => {
                self.admit_blobs([&child])?;
                return Ok(Child::Blob(Box::new(child)));
            }
            false => self.manifest(&Version::Digest(child.digest.clone())).await,
        };
        match manifest {
            Ok(manifest) => {
                self.admit_blobs(manifest.blobs())?;
                Ok(Child::Manifest(Box::new(manifest)))
            }
            Err(error) if error.is_not_found() && is_manifest => Err(CopyError::Incomplete {
                child: child.digest,
                error,
            }),
            Err(error) if error.is_not_found() => {
                self.admit_blobs([&child])?;
                Ok(Child::Blob(Box::new(child)))
            }
            Err(error) => Err(blame(Side::Source)(error)),
        }
    }
}

/// Build caches list layers right in an index (quirk 49).
fn is_blob(child: &Descriptor) -> bool {
    let media_type = child.media_type.as_str();
    !child.media_type.is_manifest()
        && (media_type.contains(".layer.")
            || media_type.contains(".rootfs.")
            || media_type.contains(".config.")
            || media_type == MediaType::OCI_CONFIG
            || media_type == MediaType::DOCKER_CONFIG)
}

/// What `platforms` select of an image.
#[derive(Debug)]
pub(super) enum Selected {
    /// The manifest as it is: an image, or an index of which everything is wanted.
    Whole,
    /// A single child; it takes the index's place under the tag.
    Child(Digest),
    /// Several children: an index of them, with a digest of its own.
    Rewritten(Box<Manifest>),
}

pub(super) fn select(
    client: &Client,
    root: &Manifest,
    platforms: &[Platform],
) -> Result<Selected, CopyError> {
    let children = match &root.content {
        ManifestContent::Index(children) if !platforms.is_empty() => children,
        ManifestContent::Index(_) | ManifestContent::Image { .. } => return Ok(Selected::Whole),
    };
    let wanted: Vec<&Descriptor> = children
        .iter()
        .filter(|child| {
            child
                .platform
                .as_ref()
                .is_some_and(|own| platforms.iter().any(|platform| platform.selects(own)))
        })
        .collect();
    match wanted[..] {
        [] => Err(CopyError::NoPlatform {
            available: children
                .iter()
                .filter_map(|child| child.platform.as_ref().map(Platform::to_string))
                .collect(),
        }),
        _ if wanted.len() == children.len() => Ok(Selected::Whole),
        [child] => Ok(Selected::Child(child.digest.clone())),
        _ => {
            let mut kept: HashSet<Digest> =
                wanted.iter().map(|child| child.digest.clone()).collect();
            let attests = |child: &&Descriptor| {
                let subject = child
                    .annotations
                    .get(ATTESTS)
                    .and_then(|subject| subject.parse().ok());
                subject.is_some_and(|subject: Digest| kept.contains(&subject))
            };
            let attesting: Vec<Digest> = children
                .iter()
                .filter(attests)
                .map(|child| child.digest.clone())
                .collect();
            kept.extend(attesting);
            rewrite(root, &kept)
                .map(|manifest| Selected::Rewritten(Box::new(manifest)))
                .map_err(|error| CopyError::Registry {
                    side: Side::Source,
                    error: Error {
                        operation: Operation::GetManifest,
                        registry: client.registry().clone(),
                        url: None,
                        cause: Box::new(ErrorCause::Manifest(error)),
                    },
                })
        }
    }
}

/// The index with only the `kept` children; every other field stays as it is.
fn rewrite(root: &Manifest, kept: &HashSet<Digest>) -> Result<Manifest, crate::oci::ManifestError> {
    let mut index: Value = serde_json::from_slice(&root.raw)?;
    if let Some(Value::Array(manifests)) = index.get_mut("manifests") {
        manifests.retain(|child| {
            let digest = child
                .get("digest")
                .and_then(Value::as_str)
                .and_then(|text| text.parse().ok());
            digest.is_some_and(|digest: Digest| kept.contains(&digest))
        });
    }
    Manifest::parse(
        Bytes::from(serde_json::to_vec(&index)?),
        Some(root.media_type.as_str()),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn index(platforms: &[&str]) -> Manifest {
        let manifests: Vec<Value> = platforms
            .iter()
            .map(|platform| {
                let platform: Platform = platform.parse().unwrap();
                json!({"mediaType": MediaType::OCI_MANIFEST, "size": 5, "platform": platform,
                       "digest": Digest::of(platform.to_string().as_bytes())})
            })
            .collect();
        let index =
            json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": manifests});
        Manifest::parse(index.to_string().into(), None).unwrap()
    }

    fn selected(root: &Manifest, platforms: &[&str]) -> Result<Selected, CopyError> {
        let client = Client::new("localhost:1".parse().unwrap(), Default::default()).unwrap();
        let platforms: Vec<Platform> = platforms.iter().map(|text| text.parse().unwrap()).collect();
        select(&client, root, &platforms)
    }

    #[test]
    fn one_platform_takes_the_place_of_the_index() {
        let root = index(&["linux/amd64", "linux/arm64"]);
        let Selected::Child(child) = selected(&root, &["linux/arm64"]).unwrap() else {
            panic!("one child is wanted");
        };
        assert_eq!(child, Digest::of(b"linux/arm64"));
    }

    #[test]
    fn several_platforms_make_an_index_of_those() {
        let root = index(&["linux/amd64", "linux/arm64", "linux/s390x"]);
        let Selected::Rewritten(index) = selected(&root, &["linux/amd64", "linux/s390x"]).unwrap()
        else {
            panic!("two children are wanted");
        };
        assert_eq!(index.children().len(), 2);
        assert_ne!(index.digest, root.digest);
    }

    #[test]
    fn an_index_of_nothing_else_stays_as_it_is() {
        let root = index(&["linux/amd64", "linux/arm64"]);
        assert!(matches!(
            selected(&root, &["linux/amd64", "linux/arm64"]),
            Ok(Selected::Whole)
        ));
        assert!(matches!(selected(&root, &[]), Ok(Selected::Whole)));
    }

    #[test]
    fn a_missing_platform_says_which_there_are() {
        let error = selected(&index(&["linux/amd64"]), &["linux/riscv64"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "has no platform that was asked for; it has linux/amd64"
        );
    }
}
