//! What happened, in the past tense; the same for every observer and for `--json`.
//!
//! Invariant: lifecycle events are never dropped; [`Event::Progress`] and [`Event::RegistriesSampled`] carry
//! absolute values and may be. Names and fields are the NDJSON schema, version 1.

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

use super::{
    Attempt, BatchId, BlobKind, Command, CommandRefusal, Failure, Job, JobId, Millis,
    RegistryLimit, RegistryStatus, StopMode,
};
use crate::oci::{Digest, MediaType, Platform, Repository, Store};

/// An event and when the dispatcher emitted it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimedEvent {
    #[serde(serialize_with = "in_milliseconds")]
    pub at: Timestamp,
    #[serde(flatten)]
    pub event: Event,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The first event of every run. `jobs` [`Event::JobListed`] follow.
    BatchStarted {
        batch: BatchId,
        /// The list's file name, as the operator gave it.
        list: String,
        jobs: u32,
        /// How many images may be in flight.
        parallel: u16,
        /// Whether an earlier run of this batch was interrupted.
        resumed: bool,
    },
    JobListed {
        #[serde(flatten)]
        job: Box<Job>,
    },
    /// An earlier run of this batch ended this job; no request is sent for it.
    JobRestored {
        job: JobId,
        outcome: Outcome,
    },
    /// A review has begun: until it ends, an attempt is a preflight, which writes nothing.
    ReviewStarted,
    /// The operator has seen the plan; images are copied from here on.
    ReviewEnded,
    JobQueued {
        job: JobId,
        why: QueueReason,
    },
    /// The job was moved before every other queued one.
    JobPrioritized {
        job: JobId,
    },
    JobStarted {
        job: JobId,
        attempt: Attempt,
    },
    /// A further program copies the image in this attempt.
    MethodSelected {
        job: JobId,
        /// The program and where it runs: `skopeo 1.9.3 in container skopeo-service (podman)`.
        method: String,
    },
    /// The image's manifests are read: these are all its blobs.
    JobPlanned {
        job: JobId,
        /// Digest of the manifest or index that the destination reference will name.
        root: Digest,
        /// Parents before their children.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        manifests: Vec<PlannedManifest>,
        blobs: Vec<PlannedBlob>,
        /// What the destination tag names now, if that is another image.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replaces: Option<Digest>,
    },
    /// The blob needs another job's upload of the same content.
    BlobWaited {
        job: JobId,
        digest: Digest,
        owner: JobId,
    },
    /// Bytes begin to move, from `offset` on.
    BlobStarted {
        job: JobId,
        digest: Digest,
        offset: u64,
    },
    BlobSettled {
        job: JobId,
        digest: Digest,
        bytes: u64,
        how: Settled,
    },
    /// Absolute byte counts of blobs in flight; droppable.
    Progress {
        blobs: Vec<BlobProgress>,
    },
    /// The status of registries that changed; droppable.
    RegistriesSampled {
        registries: Vec<RegistryStatus>,
    },
    JobRetryScheduled {
        job: JobId,
        attempt: Attempt,
        delay_ms: Millis,
        cause: Failure,
    },
    /// The image is at its destination, without its tag: that is written with those of its group.
    JobStaged {
        job: JobId,
        /// Digest of the manifest or index that the tag will name.
        root: Digest,
    },
    JobFinished {
        job: JobId,
        outcome: Outcome,
    },
    /// Something worth a line in the log that changes no state.
    Noted {
        job: Option<JobId>,
        text: String,
    },
    BatchPaused,
    BatchResumed,
    ParallelChanged {
        images: u16,
    },
    /// An operator changed a limit of a registry.
    LimitChanged {
        registry: Store,
        limit: RegistryLimit,
    },
    StopRequested {
        mode: StopMode,
    },
    CommandRefused {
        #[serde(flatten)]
        command: Command,
        why: CommandRefusal,
    },
    /// The last event. `stopped_by` is absent when every job ended.
    BatchFinished {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stopped_by: Option<StopReason>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedBlob {
    pub digest: Digest,
    /// Length in bytes.
    pub size: u64,
    pub kind: BlobKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<MediaType>,
}

/// A manifest of an image. Positions are those in the lists of the same event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedManifest {
    pub digest: Digest,
    pub media_type: MediaType,
    /// Length in bytes.
    pub size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Position of the index it is in, or of the manifest it is attached to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<u32>,
    /// Positions of its blobs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blobs: Vec<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobProgress {
    pub job: JobId,
    pub attempt: Attempt,
    pub digest: Digest,
    /// Bytes of the blob that the destination has been sent.
    pub done: u64,
}

/// How a blob came to be where it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settled {
    Present,
    Mounted { from: Repository },
    Copied,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    Copied { root: Digest },
    UpToDate { root: Digest },
    Failed { cause: Failure },
    Skipped { why: SkipReason },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueReason {
    Listed,
    User,
    Resumed,
    RetryDue,
    /// It was in flight when the batch was stopped.
    Stopped,
    /// Its preflight is done. That attempt does not count: the next one has the same number.
    Planned,
    /// Its group is complete: the next attempt writes its tag.
    Released,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    User,
    /// The destination tag names another image, which the list says to keep.
    Kept {
        there: Digest,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    User,
    /// SIGTERM, SIGHUP or a second Ctrl-C.
    Signal,
    /// Results could no longer be recorded, so going on would lose them.
    JournalLost,
    /// The review is complete, and no operator was there to end it.
    Reviewed,
    /// Every image has ended, but an archive could not be packed or a daemon did not load its images.
    Unfinished,
}

impl Event {
    /// Whether losing this event changes nothing in the end.
    #[must_use]
    pub fn is_sample(&self) -> bool {
        matches!(self, Self::Progress { .. } | Self::RegistriesSampled { .. })
    }
}

fn in_milliseconds<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{at:.3}"))
}
