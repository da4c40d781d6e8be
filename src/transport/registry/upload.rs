//! An upload under way: its session, and how far it has come.
//!
//! Decides nothing. Invariant: `offset` never goes beyond what the destination confirmed.

use super::open_sessions::OpenSession;
use crate::registry::UploadMode;

pub(super) struct Upload {
    pub session: OpenSession,
    /// The destination confirmed the bytes before this one.
    pub offset: u64,
    pub mode: UploadMode,
    /// Whether the content is sent in more than one request.
    pub is_split: bool,
}

impl Upload {
    pub(super) fn new(session: OpenSession, mode: UploadMode) -> Self {
        Self {
            session,
            offset: 0,
            mode,
            is_split: false,
        }
    }

    pub(super) fn is_chunked(&self) -> bool {
        matches!(self.mode, UploadMode::Chunks { .. })
    }

    /// The most bytes of `rest` that the next request sends.
    pub(super) fn max_request_bytes(&self, rest: u64) -> u64 {
        match self.mode {
            UploadMode::Whole | UploadMode::Streamed => rest,
            UploadMode::Chunks { bytes } => rest.min(bytes.max(self.session.chunk_minimum())),
        }
    }
}
