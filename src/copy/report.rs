//! What the engine says while it works. Private words between engine and workers; events are made of them.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use crate::oci::{Descriptor, Digest, MediaType, Platform, Repository};

/// Who asks for a copy; names the owner of an upload that others wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageId(pub u32);

#[derive(Clone, Debug)]
pub enum Report {
    /// All manifests are read; `blobs` is everything below them, each once.
    Planned {
        root: Digest,
        manifests: Vec<FoundManifest>,
        blobs: Arc<[FoundBlob]>,
        /// What the destination tag names now, if that is another image.
        replaces: Option<Digest>,
    },
    /// Another image is uploading the same content.
    Waiting { digest: Digest, owner: ImageId },
    /// Bytes begin to move; `meter` counts them.
    Started {
        digest: Digest,
        offset: u64,
        meter: Arc<Meter>,
    },
    Settled {
        digest: Digest,
        bytes: u64,
        how: How,
    },
    /// Something an operator should know that is no failure.
    Noted(String),
}

#[derive(Clone, Debug)]
pub struct FoundBlob {
    pub descriptor: Descriptor,
    /// Whether it is a manifest's config.
    pub is_config: bool,
}

/// A manifest of the plan.
#[derive(Clone, Debug)]
pub struct FoundManifest {
    pub digest: Digest,
    pub media_type: MediaType,
    /// Length in bytes.
    pub size: u64,
    pub platform: Option<Platform>,
    /// Position of the index it is in, or of the manifest it is attached to.
    pub parent: Option<usize>,
    /// Positions of its blobs.
    pub blobs: Vec<usize>,
}

/// How a blob came to be where it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    Present,
    Mounted { from: Repository },
    Copied,
}

/// Position in a blob: bytes handed to the destination. Absolute, so a sample may be lost.
#[derive(Debug, Default)]
pub struct Meter(AtomicU64);

impl Meter {
    #[must_use]
    pub fn position(&self) -> u64 {
        self.0.load(Relaxed)
    }

    pub(super) fn set(&self, position: u64) {
        self.0.store(position, Relaxed);
    }
}
