//! The images between their first start and their end: when they started, and which of their blobs are counted.
//!
//! Invariant: an image that has ended is forgotten, so that memory does not grow with the list.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use jiff::Timestamp;

use super::labels::StoreLabel;
use crate::{
    batch::{Job, JobId},
    oci::Digest,
};

#[derive(Debug, Default)]
pub(super) struct ImagesInFlight(HashMap<JobId, Image>);

#[derive(Debug)]
pub(super) struct Image {
    pub source: StoreLabel,
    pub destination: StoreLabel,
    started: Timestamp,
    blobs: BTreeMap<Digest, Blob>,
}

#[derive(Debug)]
enum Blob {
    Started(Timestamp),
    Settled,
}

/// A blob that settled for the first time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NewlySettled {
    /// The time since its start, if that was seen.
    pub took: Option<Duration>,
}

impl ImagesInFlight {
    /// An attempt starts. Later attempts are part of the same image.
    pub(super) fn start(&mut self, job: &Job, at: Timestamp) {
        self.0.entry(job.id).or_insert_with(|| Image {
            source: StoreLabel::from(&job.spec.source),
            destination: StoreLabel::from(&job.spec.destination),
            started: at,
            blobs: BTreeMap::new(),
        });
    }

    pub(super) fn start_blob(&mut self, job: JobId, digest: &Digest, at: Timestamp) {
        if let Some(image) = self.0.get_mut(&job) {
            let blob = image.blobs.entry(digest.clone());
            blob.or_insert(Blob::Started(at));
        }
    }

    /// The image of a blob that settles now. Nothing if the blob had settled before: a retry reports it again.
    pub(super) fn settle_blob(
        &mut self,
        job: JobId,
        digest: &Digest,
        at: Timestamp,
    ) -> Option<(&Image, NewlySettled)> {
        let image = self.0.get_mut(&job)?;
        let took = match image.blobs.insert(digest.clone(), Blob::Settled) {
            Some(Blob::Settled) => return None,
            Some(Blob::Started(started)) => Some(between(started, at)),
            None => None,
        };
        Some((image, NewlySettled { took }))
    }

    /// The attempt ended. Returns how many blobs it had started and not settled.
    pub(super) fn end_attempt(&mut self, job: JobId) -> usize {
        let Some(image) = self.0.get_mut(&job) else {
            return 0;
        };
        let before = image.blobs.len();
        let is_settled = |blob: &Blob| matches!(blob, Blob::Settled);
        image.blobs.retain(|_, blob| is_settled(blob));
        before - image.blobs.len()
    }

    /// The image ended, or will be started as if for the first time.
    pub(super) fn remove(&mut self, job: JobId) -> Option<Image> {
        self.0.remove(&job)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

impl Image {
    /// The time since its first start.
    pub(super) fn age(&self, at: Timestamp) -> Duration {
        between(self.started, at)
    }
}

/// Zero where `later` is earlier.
fn between(earlier: Timestamp, later: Timestamp) -> Duration {
    later.duration_since(earlier).try_into().unwrap_or_default()
}
