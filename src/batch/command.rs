//! What an operator can ask of a running batch, and the answers when asking changes nothing.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{JobId, RegistryLimit};
use crate::oci::Store;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Try failed images again now; a waiting image does not wait any longer.
    Retry {
        jobs: Selection,
    },
    /// Leave these images out: queued, waiting, failed, or running (whose work is cancelled).
    Skip {
        jobs: Selection,
    },
    /// Take skipped images back in.
    Unskip {
        jobs: Selection,
    },
    /// Start these before every other queued image.
    Prioritize {
        jobs: Selection,
    },
    /// End the review: copy what is not skipped, also images without a preflight.
    Begin,
    /// Start no further image; those that run go on.
    Pause,
    Resume,
    /// How many images may be in flight; at least 1.
    SetParallel {
        images: u16,
    },
    /// Change one limit of a registry.
    SetLimit {
        registry: Store,
        limit: RegistryLimit,
    },
    Stop {
        mode: StopMode,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    Jobs(BTreeSet<JobId>),
    AllFailed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopMode {
    /// Finish the images in flight, start no other.
    Drain,
    /// Give up what is in flight; settled blobs stay settled.
    Now,
    /// Take a drain back.
    Cancel,
}

/// Why a command did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandRefusal {
    /// No image of the selection is in a state the command applies to.
    NothingToDo,
    BatchFinished,
}
