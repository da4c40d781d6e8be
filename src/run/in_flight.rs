//! The blobs whose bytes are moving, and how far each of them is.
//!
//! Decides what one sample reports: the blobs that moved since the sample before. Invariant: positions are absolute,
//! so a lost sample loses nothing.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    batch::{Attempt, BlobProgress, JobId},
    oci::Digest,
    transport::ByteCounter,
};

#[derive(Default)]
pub(super) struct InFlight(BTreeMap<(JobId, Digest), Blob>);

struct Blob {
    attempt: Attempt,
    counter: Arc<ByteCounter>,
    /// The position that observers know.
    last_sampled: u64,
}

impl InFlight {
    pub(super) fn start(
        &mut self,
        job: JobId,
        attempt: Attempt,
        digest: Digest,
        counter: Arc<ByteCounter>,
        offset: u64,
    ) {
        let blob = Blob {
            attempt,
            counter,
            last_sampled: offset,
        };
        self.0.insert((job, digest), blob);
    }

    pub(super) fn settle(&mut self, job: JobId, digest: &Digest) {
        self.0.remove(&(job, digest.clone()));
    }

    /// The job's attempt ended.
    pub(super) fn remove_job(&mut self, job: JobId) {
        self.0.retain(|(owner, _), _| *owner != job);
    }

    pub(super) fn sample(&mut self) -> Vec<BlobProgress> {
        let moved = self.0.iter_mut().filter_map(|((job, digest), blob)| {
            let done = blob.counter.position();
            let before = std::mem::replace(&mut blob.last_sampled, done);
            (before != done).then(|| BlobProgress {
                job: *job,
                attempt: blob.attempt,
                digest: digest.clone(),
                done,
            })
        });
        moved.collect()
    }
}
