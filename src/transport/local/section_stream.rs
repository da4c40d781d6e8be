//! A part of a file as the stream of a blob.
//!
//! Invariant: at most one chunk of it is in memory.

use std::io::Read;

use async_trait::async_trait;
use bytes::Bytes;

use super::{LocalError, blocking::run_blocking, error::Context, section::Section};
use crate::transport::{BlobRead, Error};

const CHUNK_BYTES: usize = 256 << 10;

/// Reads a section chunk by chunk.
pub(super) struct SectionStream {
    section: Section,
    /// The file, for errors.
    place: String,
}

impl SectionStream {
    pub(super) fn new(section: Section, place: impl ToString) -> Self {
        let place = place.to_string();
        Self { section, place }
    }
}

#[async_trait]
impl BlobRead for SectionStream {
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let remaining = usize::try_from(self.section.remaining()).unwrap_or(CHUNK_BYTES);
        if remaining == 0 {
            return Ok(None);
        }
        let (mut section, place) = (self.section.clone(), self.place.clone());
        let read = run_blocking(move || {
            let mut chunk = vec![0; remaining.min(CHUNK_BYTES)];
            let read = section.read(&mut chunk).context("read", place)?;
            chunk.truncate(read);
            Ok::<_, LocalError>((section, Bytes::from(chunk)))
        });
        let (section, chunk) = read.await?;
        self.section = section;
        Ok(Some(chunk))
    }
}
