//! One image from beginning to end: is it there, what belongs to it, its blobs, its manifests, its tag.
//!
//! Invariant: requests go out in the order that spares most of them: the destination is asked first, so
//! an image that is there costs one HEAD a side, and a new one no HEAD at the source. What is attached to an
//! image is looked at when the image is copied: it was written before the tag, so a tag that is there has it,
//! unless the operator wants to know of what was attached since. A tag that names another image is replaced only
//! where the list allows it; the registry has no conditional write, so who pushes between look and write is replaced
//! unseen.

use std::sync::Arc;

use futures_util::{StreamExt, stream::FuturesUnordered};

use super::{
    CopyError, CopyOutcome, Report,
    blob::BlobCopy,
    copy_plan::{Plan, Root},
    error::blame,
    graph::{Selected, TOGETHER, select},
    plan_summary::plan_summary,
    preflight::PlanCache,
    push_manifests::ManifestPush,
    registry_state::RegistryState,
};
use crate::{
    batch::{Job, PlannedBlob, Side},
    oci::{Digest, Manifest, OnExisting, Repository, Version},
    registry::{ErrorCause, FailureClass, ImageBudget, Operation, Refusal, StreamQueue},
};

pub(super) struct ImageCopy<'a> {
    pub order: &'a Job,
    pub source: &'a RegistryState,
    pub destination: &'a RegistryState,
    pub plan_cache: &'a PlanCache,
    pub streams: &'a StreamQueue,
    pub budget: ImageBudget<'a>,
    pub report: &'a (dyn Fn(Report) + Send + Sync),
}

/// What both sides say of an image.
pub(super) enum Lookup {
    There(Digest),
    /// The destination tag names this other image, which is to be kept.
    Kept(Digest),
    Missing {
        /// What the source reference names.
        source: Digest,
        plan: Box<Plan>,
    },
}

/// What the destination reference is to name.
enum Target {
    /// It does already.
    There(Digest),
    /// It names this other image, which is to be kept.
    Kept(Digest),
    Root {
        /// What the source reference names.
        source: Digest,
        root: Box<Root>,
    },
}

/// How the destination reference stands to what it is to name.
enum TagState {
    /// It names that already.
    There,
    /// It names nothing, or nothing that is known.
    Free,
    /// It names this other image, and no longer will.
    Replaced(Digest),
    /// It names this other image, and still will.
    Kept(Digest),
}

impl ImageCopy<'_> {
    pub(super) async fn run(self) -> Result<CopyOutcome, CopyError> {
        let mut plan = match self.check().await? {
            Lookup::There(root) => return Ok(CopyOutcome::UpToDate { root }),
            Lookup::Kept(there) => return Ok(CopyOutcome::Kept { there }),
            Lookup::Missing { plan, .. } => plan,
        };
        let (mut creator, mut believed) = (self.destination.provisioner.as_ref(), true);
        loop {
            let error = match self.copy(&plan).await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            if is_missing_repository(&error)
                && let Some(creator) = creator.take()
            {
                creator.create(self.destination_repository()).await?;
            } else if is_missing_content(&error) && believed {
                // What the journal, this batch or an answer promised is gone (quirk 47): once more, and
                // nothing is believed this time.
                believed = false;
                *plan = self.plan_anew(*plan).await?;
            } else {
                return Err(error);
            }
        }
    }

    /// Asks both sides, and reads what is to be copied unless a survey did.
    pub(super) async fn check(&self) -> Result<Lookup, CopyError> {
        let existing = self.existing().await?;
        let from = self.order.spec.source.version();
        let kept = (self.plan_cache).take(
            self.order.id,
            self.destination,
            self.destination_repository(),
        );
        let comparable =
            existing.is_some() && self.order.spec.platforms.is_empty() && !self.rechecks();
        let named = match comparable || kept.is_some() {
            true => self.source_digest(&from).await?,
            false => None,
        };
        if let (true, Some(root)) = (comparable, &named) {
            match self.against(existing.as_ref(), root)? {
                TagState::There => return Ok(Lookup::There(root.clone())),
                TagState::Kept(there) => return Ok(Lookup::Kept(there)),
                TagState::Free | TagState::Replaced(_) => {}
            }
        }
        if let Some((source, plan)) = kept
            && named.as_ref() == Some(&source)
        {
            let root = &plan.image.root.digest;
            let (there, replaces) = match self.against(existing.as_ref(), root)? {
                TagState::There if !self.rechecks() => return Ok(Lookup::There(root.clone())),
                TagState::There => (true, None),
                TagState::Kept(there) => return Ok(Lookup::Kept(there)),
                TagState::Free => (false, None),
                TagState::Replaced(there) => (false, Some(there)),
            };
            // Else somebody wrote the tag since, and the plan is to be told anew.
            if there == plan.there && replaces == plan.replaces {
                return Ok(Lookup::Missing { source, plan });
            }
        }
        Ok(match self.wanted(&from, existing.as_ref()).await? {
            Target::There(root) => Lookup::There(root),
            Target::Kept(there) => Lookup::Kept(there),
            Target::Root { source, root } => {
                let plan = Box::new(self.plan(*root).await?);
                Lookup::Missing { source, plan }
            }
        })
    }

    /// The digest the destination reference has now.
    async fn existing(&self) -> Result<Option<Digest>, CopyError> {
        let version = self.order.spec.destination.version();
        match self
            .destination
            .client
            .manifest_head(self.destination_repository(), &version)
            .await
        {
            Ok(head) => Ok(head.map(|head| head.digest)),
            // Some registries refuse to say whether what they do not have exists (quirk 25); writing
            // will show whether the credentials are good. What must not be replaced has to be known first.
            Err(error) if error.status() == Some(403) => {
                match (self.order.spec.on_existing, version) {
                    (OnExisting::Replace, _) | (_, Version::Digest(_)) => Ok(None),
                    (on_existing @ (OnExisting::Keep | OnExisting::Fail), version) => {
                        Err(CopyError::Hidden {
                            version,
                            on_existing,
                            error,
                        })
                    }
                }
            }
            Err(error) => Err(blame(Side::Destination)(error)),
        }
    }

    /// What becomes of what the destination reference names now, if it is to name `wanted`.
    fn against(&self, existing: Option<&Digest>, wanted: &Digest) -> Result<TagState, CopyError> {
        let version = self.order.spec.destination.version();
        Ok(match (existing, &version, self.order.spec.on_existing) {
            (None, ..) => TagState::Free,
            (Some(there), ..) if there == wanted => TagState::There,
            // A digest names one content; a registry that says otherwise replaces nothing.
            (Some(_), Version::Digest(_), _) => TagState::Free,
            (Some(there), Version::Tag(_), OnExisting::Replace) => {
                TagState::Replaced(there.clone())
            }
            (Some(there), Version::Tag(_), OnExisting::Keep) => TagState::Kept(there.clone()),
            (Some(there), Version::Tag(_), on_existing @ OnExisting::Fail) => {
                return Err(CopyError::Existing {
                    there: there.clone(),
                    version,
                    on_existing,
                });
            }
        })
    }

    async fn source_digest(&self, version: &Version) -> Result<Option<Digest>, CopyError> {
        match version {
            Version::Digest(digest) => Ok(Some(digest.clone())),
            Version::Tag(_) => {
                let head = self
                    .source
                    .client
                    .manifest_head(self.source_repository(), version)
                    .await;
                Ok(head.map_err(blame(Side::Source))?.map(|head| head.digest))
            }
        }
    }

    async fn wanted(
        &self,
        version: &Version,
        existing: Option<&Digest>,
    ) -> Result<Target, CopyError> {
        let manifest = self.read(version).await?;
        let selected = select(&self.source.client, &manifest, &self.order.spec.platforms)?;
        let wanted = match &selected {
            Selected::Whole => &manifest.digest,
            Selected::Child(child) => child,
            Selected::Rewritten(index) => &index.digest,
        };
        let (there, replaces) = match self.against(existing, wanted)? {
            TagState::There if !self.rechecks() => return Ok(Target::There(wanted.clone())),
            TagState::There => (true, None),
            TagState::Kept(there) => return Ok(Target::Kept(there)),
            TagState::Free => (false, None),
            TagState::Replaced(there) => (false, Some(there)),
        };
        let source = manifest.digest.clone();
        let root = match selected {
            Selected::Whole => Root {
                manifest,
                rewritten: false,
                there,
                replaces,
            },
            Selected::Child(child) => {
                self.note(format!(
                    "one platform is asked for, so the destination names that image, {child}, and not the index {}",
                    manifest.digest
                ));
                Root {
                    manifest: self.read(&Version::Digest(child)).await?,
                    rewritten: false,
                    there,
                    replaces,
                }
            }
            Selected::Rewritten(index) => {
                self.note(format!(
                    "the index keeps only the platforms asked for, so its digest changes from {} to {} and what refers to it stays behind",
                    manifest.digest, index.digest
                ));
                Root {
                    manifest: *index,
                    rewritten: true,
                    there,
                    replaces,
                }
            }
        };
        let root = Box::new(root);
        Ok(Target::Root { source, root })
    }

    async fn read(&self, version: &Version) -> Result<Manifest, CopyError> {
        let source = &self.source.client;
        let manifest = source.manifest_within(self.source_repository(), version, &self.budget);
        manifest.await.map_err(blame(Side::Source))
    }

    async fn plan(&self, root: Root) -> Result<Plan, CopyError> {
        let plan = Plan::make(
            root,
            self.order,
            self.source,
            self.destination,
            &self.budget,
            self.report,
        );
        let plan = plan.await?;
        for layer in plan.foreign() {
            self.note(format!(
                "layer {} is not held by registries; it stays at {}",
                layer.digest,
                layer.urls.join(", ")
            ));
        }
        (self.report)(Report::Planned {
            root: plan.image.root.digest.clone(),
            manifests: plan_summary(&plan),
            blobs: Arc::clone(&plan.blobs),
            replaces: plan.replaces.clone(),
        });
        Ok(plan)
    }

    async fn plan_anew(&self, plan: Plan) -> Result<Plan, CopyError> {
        let home = self.destination_repository();
        for blob in plan.blobs.iter() {
            self.destination.claims.forget(&blob.digest, home);
        }
        self.destination.forget_manifests(home);
        self.destination.mark_used(home);
        let root = plan.into_root();
        self.budget.reset();
        self.plan(root).await
    }

    /// Has everything where it should be: blobs, then manifests, then the reference.
    async fn copy(&self, plan: &Plan) -> Result<CopyOutcome, CopyError> {
        self.settle(plan).await?;
        let writing =
            ManifestPush::new(self.destination, self.destination_repository(), self.report);
        if plan.there {
            return writing.add(plan).await;
        }
        let reference = match &self.order.spec.destination.tag {
            Some(tag) => Version::Tag(tag.clone()),
            None => Version::Digest(plan.image.root.digest.clone()),
        };
        writing.run(plan, &reference).await
    }

    /// Brings every blob where it should be. A blob that fails does not take the others down: what they
    /// have sent would be sent again by the next attempt. Of several failures the largest blob's counts.
    async fn settle(&self, plan: &Plan) -> Result<(), CopyError> {
        let mut blobs: Vec<_> = plan.blobs.iter().collect();
        blobs.sort_by_key(|blob| std::cmp::Reverse(blob.size));
        let mut waiting = blobs.into_iter().enumerate();
        let copy = async |(at, blob)| (at, self.blob(blob).run().await);
        let mut copies: FuturesUnordered<_> = waiting.by_ref().take(TOGETHER).map(copy).collect();
        let mut failed: Option<(usize, CopyError)> = None;
        while let Some((at, copied)) = copies.next().await {
            if let Err(error) = copied
                && failed.as_ref().is_none_or(|(first, _)| at < *first)
            {
                failed = Some((at, error));
            }
            copies.extend(waiting.next().map(copy));
        }
        failed.map_or(Ok(()), |(_, error)| Err(error))
    }

    pub(super) fn blob<'b>(&'b self, blob: &'b PlannedBlob) -> BlobCopy<'b> {
        BlobCopy {
            image: self.order.id,
            blob,
            source: self.source,
            from: self.source_repository(),
            destination: self.destination,
            into: self.destination_repository(),
            streams: self.streams,
            report: self.report,
        }
    }

    /// Whether an image that is there is looked at all the same.
    fn rechecks(&self) -> bool {
        self.order.spec.attachments.recheck && self.order.spec.attachments.any()
    }

    fn note(&self, text: String) {
        (self.report)(Report::Noted(text));
    }

    fn source_repository(&self) -> &Repository {
        &self.order.spec.source.repository
    }

    fn destination_repository(&self) -> &Repository {
        &self.order.spec.destination.repository
    }
}

fn is_missing_repository(error: &CopyError) -> bool {
    matches!(
        error.refused(),
        Some(Refusal::MissingRepository | Refusal::MissingProject)
    )
}

/// Whether a registry refused a manifest because something below it is not there, or all of it.
fn is_missing_content(error: &CopyError) -> bool {
    let CopyError::Registry {
        side: Side::Destination,
        error,
    } = error
    else {
        return false;
    };
    let gone = error.operation == Operation::PutManifest
        && error.refusal() == Some(Refusal::MissingRepository);
    gone || matches!(
        error.class(),
        FailureClass::Rejected | FailureClass::NotFound
    ) && matches!(&*error.cause, ErrorCause::Status { code: Some(code), .. }
            if matches!(code.as_str(), "MANIFEST_BLOB_UNKNOWN" | "BLOB_UNKNOWN" | "MANIFEST_UNKNOWN"))
}
