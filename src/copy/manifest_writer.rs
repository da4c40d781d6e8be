//! Writes single manifests to the destination.
//!
//! Decides what a refusal to change a tag means, and which referrers the registry does not list by itself. Invariant:
//! every manifest that was written is known as complete.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use super::{
    CopyError, CopyOutcome, Report, destination_rules::is_refused_by_rule, error::blame,
    image_context, tag_record::keep_tag,
};
use crate::{
    batch::Side,
    oci::{Descriptor, Digest, Manifest},
    registry::{Refusal, described_as_referrer},
    transport::{Destination, Selector},
};

pub(super) struct ManifestWriter<'a> {
    pub destination: &'a image_context::Side<dyn Destination>,
    pub report: &'a (dyn Fn(Report) + Send + Sync),
    /// By subject: referrers that the registry does not list by itself.
    unlisted: Mutex<BTreeMap<Digest, Vec<Descriptor>>>,
}

impl<'a> ManifestWriter<'a> {
    pub(super) fn new(
        destination: &'a image_context::Side<dyn Destination>,
        report: &'a (dyn Fn(Report) + Send + Sync),
    ) -> Self {
        Self {
            destination,
            report,
            unlisted: Mutex::default(),
        }
    }

    pub(super) async fn put(
        &self,
        selector: Selector<'_>,
        manifest: &Manifest,
    ) -> Result<(), CopyError> {
        let written = self.destination.image.put_manifest(selector, manifest);
        let written = written.await.map_err(blame(Side::Destination))?;
        if let Some(subject) = &manifest.subject
            && !written.lists_subject
        {
            let mut unlisted = self.unlisted.lock().unwrap_or_else(PoisonError::into_inner);
            let referrers = unlisted.entry(subject.digest.clone()).or_default();
            referrers.push(described_as_referrer(manifest));
        }
        let manifests = &self.destination.state.manifests;
        manifests.insert(&self.destination.scope, &manifest.digest);
        Ok(())
    }

    pub(super) async fn put_by_digest(&self, manifest: &Manifest) -> Result<(), CopyError> {
        self.put(Selector::Digest(&manifest.digest), manifest).await
    }

    /// Writes a manifest under a tag that may be immutable. `name` is what the operator calls it.
    pub(super) async fn put_named(
        &self,
        selector: Selector<'_>,
        name: String,
        manifest: &Manifest,
    ) -> Result<CopyOutcome, CopyError> {
        let root = manifest.digest.clone();
        if let Selector::Tag(tag) = selector {
            keep_tag(self.destination, tag, &root).await?;
        }
        let error = match self.put(selector, manifest).await {
            Ok(()) => return Ok(CopyOutcome::Copied { root }),
            Err(error) => error,
        };
        if error.refused() != Some(Refusal::ImmutableTag) {
            return Err(error);
        }
        // The tag exists: someone else wrote this manifest, or another one (quirk 6, see registry/quirks.md).
        let existing = self.destination.image.resolve(selector);
        match existing.await.map_err(blame(Side::Destination))? {
            Some(there) if there == root => Ok(CopyOutcome::UpToDate { root }),
            Some(there) => Err(CopyError::Conflict {
                version: name,
                there,
                wanted: root,
            }),
            None => Err(error),
        }
    }

    /// Adds the referrers that were written, and that the registry does not list, to the fallback indexes of their
    /// subjects.
    pub(super) async fn list_referrers(&self) -> Result<(), CopyError> {
        let unlisted = {
            let mut unlisted = self.unlisted.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *unlisted)
        };
        for (subject, referrers) in unlisted {
            let cache = &self.destination.state.referrers;
            let lock = cache.fallback_lock(&self.destination.scope, &subject);
            // Fails only if the semaphore is closed, which it never is.
            let _permit = lock.acquire().await;
            let added = (self.destination.image).add_referrers(&subject, &referrers);
            match added.await.map_err(blame(Side::Destination)) {
                Err(error) if is_refused_by_rule(&error) => self.note(format!(
                    "the destination neither lists the referrers of {subject} nor accepts a list under a tag: {error}"
                )),
                added => added?,
            }
        }
        Ok(())
    }

    pub(super) fn note(&self, text: String) {
        (self.report)(Report::Noted(text));
    }
}
