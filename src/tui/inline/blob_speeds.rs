//! How fast each blob in flight moves.
//!
//! Decides what is shown: bytes a second, half of them older. Invariant: a blob that is not in flight has no speed.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    batch::{Event, JobId},
    oci::Digest,
};

#[derive(Clone, Debug, Default)]
pub struct BlobSpeeds {
    /// Whole seconds measured since the batch started.
    seconds: u64,
    blobs: BTreeMap<(JobId, Digest), BlobSpeed>,
}

#[derive(Clone, Copy, Debug, Default)]
struct BlobSpeed {
    /// Bytes sent, after the last event.
    done: u64,
    /// Bytes sent in the second that is not over yet.
    sent: u64,
    /// Smoothed bytes a second; none until a second is over.
    speed: Option<u64>,
}

impl BlobSpeeds {
    /// Applies an event; `at` is the time since the batch started.
    pub fn apply(&mut self, at: Duration, event: &Event) {
        self.advance(at);
        match event {
            Event::BlobStarted {
                job,
                digest,
                offset,
            } => {
                let blob = BlobSpeed {
                    done: *offset,
                    ..BlobSpeed::default()
                };
                self.blobs.insert((*job, digest.clone()), blob);
            }
            Event::Progress { blobs } => {
                for progress in blobs {
                    let key = (progress.job, progress.digest.clone());
                    if let Some(blob) = self.blobs.get_mut(&key) {
                        blob.sent += progress.done.saturating_sub(blob.done);
                        blob.done = progress.done;
                    }
                }
            }
            Event::BlobSettled { job, digest, .. } => {
                self.blobs.remove(&(*job, digest.clone()));
            }
            Event::JobQueued { job, .. }
            | Event::JobRetryScheduled { job, .. }
            | Event::JobFinished { job, .. } => self.blobs.retain(|(owner, _), _| owner != job),
            _ => {}
        }
    }

    /// Ends every second that is over at `now`, the time since the batch started.
    pub fn advance(&mut self, now: Duration) {
        let over = now.as_secs().saturating_sub(self.seconds);
        self.seconds += over;
        // After some seconds without bytes every speed is 0.
        for _ in 0..over.min(60) {
            for blob in self.blobs.values_mut() {
                let latest = std::mem::take(&mut blob.sent);
                let smooth = blob.speed.map_or(latest, |speed| speed / 2 + latest / 2);
                let still = latest == 0 && smooth < 1024;
                blob.speed = Some(if still { 0 } else { smooth });
            }
        }
    }

    /// Bytes a second; none until the blob moved for a second.
    #[must_use]
    pub fn of(&self, job: JobId, digest: &Digest) -> Option<u64> {
        let blob = self.blobs.get(&(job, digest.clone()))?;
        blob.speed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::fixtures::{blob_started, digest, progress, settled};

    #[test]
    fn an_offset_is_no_speed_and_what_ended_has_none() {
        let mut speeds = BlobSpeeds::default();
        let at = Duration::from_millis;
        let speed = |speeds: &BlobSpeeds| speeds.of(JobId(0), &digest(0, 1));
        speeds.apply(at(100), &blob_started(0, 1, 5000));
        assert_eq!(speed(&speeds), None);
        speeds.apply(at(900), &progress(0, 1, 1, 25_000));
        speeds.advance(at(1100));
        assert_eq!(speed(&speeds), Some(20_000));
        speeds.apply(at(1500), &progress(0, 1, 1, 35_000));
        speeds.advance(at(2000));
        assert_eq!(speed(&speeds), Some(15_000));
        speeds.advance(at(60_000));
        assert_eq!(speed(&speeds), Some(0));
        speeds.apply(at(60_100), &settled(0, 1, crate::batch::Settled::Copied));
        assert_eq!(speed(&speeds), None);
    }
}
