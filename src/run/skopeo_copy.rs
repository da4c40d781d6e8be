//! Copies one image with skopeo.
//!
//! Decides whether it has to be copied, as for every other image: by what the source and the destination name. Invariant:
//! a tag that names another image is replaced only where the list allows it.

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{
    skopeo_plan::{SkopeoPlan, is_same_image, platform},
    skopeo_progress::SkopeoProgress,
};
use crate::{
    batch::{Failure, FailureClass, Side},
    copy::{CopyError, CopyOutcome, PreflightOutcome, Report},
    oci::{
        CopySpec, Descriptor, Digest, Location, Manifest, OnExisting, Platform, Reference,
        Transport,
    },
    skopeo::{CopyRequest, ImageRequest, RegistryAccess, Skopeo},
};

/// Manifests that are read at once.
const MAX_READS: usize = 4;
/// Of an index with more images, only the index is read before the copy.
const MAX_CHILDREN: usize = 64;

/// One image that skopeo copies, and the way to its registries.
pub(super) struct SkopeoImage<'a> {
    pub skopeo: &'a Skopeo,
    pub spec: &'a CopySpec,
    pub access: Vec<RegistryAccess>,
    pub report: &'a (dyn Fn(Report) + Send + Sync),
}

enum Lookup {
    UpToDate(Digest),
    /// The destination tag names this other image, which the list says to keep.
    Kept(Digest),
    Missing(Missing),
}

/// What has to be copied, as far as it is known.
struct Missing {
    /// What the destination will name, unless skopeo makes another manifest.
    root: Option<Digest>,
    plan: SkopeoPlan,
    /// Whether the plan has all blobs.
    is_complete: bool,
}

impl SkopeoImage<'_> {
    pub(super) async fn copy(self) -> Result<CopyOutcome, Failure> {
        let missing = match self.look_up().await? {
            Lookup::UpToDate(root) => return Ok(CopyOutcome::UpToDate { root }),
            Lookup::Kept(there) => return Ok(CopyOutcome::Kept { there }),
            Lookup::Missing(missing) => missing,
        };
        self.check_archive()?;
        let mut request = self.request();
        // A terminal shows bytes, but only the first digits of digests.
        request.terminal = missing.is_complete;
        let mut progress = SkopeoProgress::new(&missing.plan.blobs, self.report);
        let mut apply = |event| progress.apply(event);
        let copied = self.skopeo.copy(&request, &mut apply).await;
        let copied = copied.map_err(|error| error.failure())?;
        progress.finish();
        match copied.digest.or(missing.root) {
            Some(root) => Ok(CopyOutcome::Copied { root }),
            None => Err(Failure {
                side: Side::Local,
                class: FailureClass::Internal,
                summary: "got no digest from skopeo, which says that it copied the image".into(),
                chain: Vec::new(),
            }),
        }
    }

    pub(super) async fn preflight(self) -> Result<PreflightOutcome, Failure> {
        Ok(match self.look_up().await? {
            Lookup::UpToDate(root) => PreflightOutcome::UpToDate { root },
            Lookup::Kept(there) => PreflightOutcome::Kept { there },
            Lookup::Missing(_) => PreflightOutcome::Missing,
        })
    }

    fn request(&self) -> CopyRequest {
        CopyRequest {
            source: self.spec.source.clone(),
            destination: self.spec.destination.clone(),
            platform: platform(&self.spec.platforms, &self.spec.destination),
            format: self.spec.format,
            compression: self.spec.compression,
            access: self.access.clone(),
            timeout: None,
            terminal: false,
        }
    }

    /// Says which skopeo copies the image, compares both sides, and reports the plan.
    async fn look_up(&self) -> Result<Lookup, Failure> {
        let request = self.request();
        let method = self.skopeo.description_for(&request);
        let method = method.map_err(|none| none.failure())?;
        (self.report)(Report::Method(method.to_owned()));
        let wanted = self.wanted(request.platform.as_ref()).await?;
        let existing = self.existing(wanted.is_some()).await?;
        let replaces = match (&wanted, &existing) {
            (Some(wanted), Some(existing))
                if is_same_image(
                    (&self.spec.source, wanted),
                    (&self.spec.destination, existing),
                ) =>
            {
                return Ok(Lookup::UpToDate(existing.digest.clone()));
            }
            (_, Some(existing)) if !self.spec.destination.is_by_digest() => {
                let there = existing.digest.clone();
                match self.spec.on_existing {
                    OnExisting::Replace => Some(there),
                    OnExisting::Keep => return Ok(Lookup::Kept(there)),
                    on_existing @ OnExisting::Fail => {
                        let version = self.spec.destination.version();
                        let error = CopyError::Existing {
                            version,
                            there,
                            on_existing,
                        };
                        return Err((&error).into());
                    }
                }
            }
            (_, Some(_) | None) => None,
        };
        let Some(wanted) = wanted else {
            return Ok(Lookup::Missing(Missing {
                root: None,
                plan: SkopeoPlan::default(),
                is_complete: false,
            }));
        };
        let children = self.children(&wanted).await?;
        let plan = SkopeoPlan::new(&wanted, &children);
        (self.report)(Report::Planned {
            root: wanted.digest.clone(),
            manifests: plan.manifests.clone(),
            blobs: plan.blobs.clone().into(),
            replaces,
        });
        Ok(Lookup::Missing(Missing {
            is_complete: children.len() == wanted.children().len(),
            root: Some(wanted.digest),
            plan,
        }))
    }

    /// The manifest that the destination is to have. `None` if that is not known before the copy.
    async fn wanted(&self, platform: Option<&Platform>) -> Result<Option<Manifest>, Failure> {
        let source = &self.spec.source;
        // A daemon would export the whole image for it.
        if transport(source) == Some(Transport::DockerDaemon) {
            return Ok(None);
        }
        let raw = self.raw_manifest(source.clone(), Side::Source).await?;
        let Some(raw) = raw else {
            return Err(not_found());
        };
        let Some(root) = parse(raw) else {
            return Ok(None);
        };
        let Some(platform) = platform.filter(|_| root.media_type.is_index()) else {
            return Ok(Some(root));
        };
        let children = root.children().iter();
        let own = |child: &&Descriptor| {
            let own = child.platform.as_ref();
            own.is_some_and(|own| platform.selects(own))
        };
        let Some(child) = children.clone().find(own) else {
            let available = children.filter_map(|child| child.platform.as_ref());
            let available = available.map(Platform::to_string).collect();
            return Err((&CopyError::NoPlatform { available }).into());
        };
        let (Some(reference), digest) = (source.reference(), child.digest.clone()) else {
            return Ok(None);
        };
        let child = self.raw_manifest(by_digest(reference, digest), Side::Source);
        Ok(child.await?.and_then(parse))
    }

    /// What the destination names now. `None` also if that is not known, where it does not matter.
    async fn existing(&self, has_wanted: bool) -> Result<Option<Manifest>, Failure> {
        let destination = &self.spec.destination;
        let is_open = self.spec.on_existing == OnExisting::Replace || destination.is_by_digest();
        let is_daemon = transport(destination) == Some(Transport::DockerDaemon);
        if is_open && (!has_wanted || is_daemon) {
            return Ok(None);
        }
        if let Some(path) = destination.local().and_then(|image| image.store.path())
            && !path.exists()
        {
            return Ok(None);
        }
        let named = self.raw_manifest(destination.clone(), Side::Destination);
        match named.await {
            Ok(raw) => Ok(raw.and_then(parse)),
            // Some registries refuse to say it to who may write; a copy into a local store shows what is wrong there.
            Err(failure)
                if is_open
                    && (failure.class == FailureClass::Auth || destination.local().is_some()) =>
            {
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    /// The manifests of the images of an index, if all of them can be read.
    async fn children(&self, root: &Manifest) -> Result<Vec<Manifest>, Failure> {
        let children = root.children();
        let Some(reference) = self.spec.source.reference() else {
            return Ok(Vec::new());
        };
        let is_image = |child: &Descriptor| child.media_type.is_manifest();
        if children.len() > MAX_CHILDREN || !children.iter().all(is_image) {
            return Ok(Vec::new());
        }
        let reads: Vec<_> = (children.iter())
            .map(|child| by_digest(reference, child.digest.clone()))
            .map(|image| self.raw_manifest(image, Side::Source))
            .collect();
        let read = stream::iter(reads).buffered(MAX_READS);
        let read: Vec<Option<Bytes>> = read.try_collect().await?;
        let known = read.into_iter().map(|raw| raw.and_then(parse));
        Ok(known.collect::<Option<Vec<_>>>().unwrap_or_default())
    }

    async fn raw_manifest(&self, image: Location, side: Side) -> Result<Option<Bytes>, Failure> {
        let request = ImageRequest {
            image,
            side,
            access: self.access.clone(),
            timeout: None,
        };
        let raw = self.skopeo.raw_manifest(&request).await;
        Ok(raw.map_err(|error| error.failure())?.map(Bytes::from))
    }

    /// Refuses to replace an archive that exists: skopeo would remove its other images.
    fn check_archive(&self) -> Result<(), Failure> {
        let destination = &self.spec.destination;
        let Some(path) = destination.local().and_then(|image| image.store.path()) else {
            return Ok(());
        };
        match transport(destination) {
            Some(Transport::OciArchive | Transport::DockerArchive) if path.exists() => {
                let summary =
                    format!("has {destination} already, and skopeo adds no image to an archive");
                Err(Failure {
                    side: Side::Destination,
                    class: FailureClass::Rejected,
                    chain: vec![
                        summary.clone(),
                        "hint: delete the archive, write to another one, or use the native engine"
                            .into(),
                    ],
                    summary,
                })
            }
            _ => Ok(()),
        }
    }
}

fn parse(raw: Bytes) -> Option<Manifest> {
    // Skopeo copies more kinds than this program reads, such as schema 1.
    Manifest::parse(raw, None).ok()
}

fn transport(location: &Location) -> Option<Transport> {
    location.local().map(|image| image.store.transport)
}

fn by_digest(reference: &Reference, digest: Digest) -> Location {
    Location::Registry(Reference {
        tag: None,
        digest: Some(digest),
        ..reference.clone()
    })
}

fn not_found() -> Failure {
    let summary = "has no such image".to_owned();
    Failure {
        side: Side::Source,
        class: FailureClass::NotFound,
        chain: vec![summary.clone()],
        summary,
    }
}
