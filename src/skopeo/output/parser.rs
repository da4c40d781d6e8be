//! Reads skopeo's output piece by piece.
//!
//! Decides when a line says something new: bars are redrawn many times a second. Invariants: an event of a blob tells
//! more than the one before; blobs begin anew with every image and every attempt.

use std::collections::HashMap;

use super::{
    event::{BlobName, BlobState, OutputEvent, Step},
    line::{self, Meaning},
    line_splitter::LineSplitter,
};
use crate::skopeo::redaction::redact;

/// An image has far fewer blobs. The rest of a larger one has no events.
pub(super) const MAX_BLOBS: usize = 10_000;

/// One parser for all versions, for terminals and for pipes.
#[derive(Debug, Default)]
pub struct OutputParser {
    lines: LineSplitter,
    blobs: Blobs,
}

/// The blobs of the image that is copied.
#[derive(Debug, Default)]
struct Blobs(HashMap<BlobName, BlobState>);

impl OutputParser {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Passes the events of the lines that `bytes` complete to `emit`.
    pub fn push(&mut self, bytes: &[u8], emit: &mut dyn FnMut(OutputEvent)) {
        let Self { lines, blobs } = self;
        lines.push(bytes, &mut |line| blobs.read(line, emit));
    }

    /// Passes on the events of the last line, which may have no end.
    pub fn finish(self, emit: &mut dyn FnMut(OutputEvent)) {
        let Self { lines, mut blobs } = self;
        lines.finish(&mut |line| blobs.read(line, emit));
    }
}

impl Blobs {
    fn read(&mut self, line: &str, emit: &mut dyn FnMut(OutputEvent)) {
        match line::parse(line) {
            Meaning::Step(step) => {
                match step {
                    Step::ReadingSignatures | Step::Image { .. } => self.0.clear(),
                    Step::ReadingIndexSignatures
                    | Step::Index { .. }
                    | Step::WritingManifest
                    | Step::WritingIndex
                    | Step::Signing
                    | Step::StoringSignatures => {}
                }
                emit(OutputEvent::Step(step));
            }
            Meaning::Blob { name, kind, state } => {
                if self.is_new(&name, state) {
                    emit(OutputEvent::Blob { name, kind, state });
                }
            }
            Meaning::Digest(digest, rest) => {
                emit(OutputEvent::Digest(digest));
                if !rest.is_empty() {
                    self.read(rest, emit);
                }
            }
            Meaning::Cut => {}
            Meaning::Unknown => emit(OutputEvent::Line(redact(line))),
        }
    }

    /// Remembers the state of a blob, if it tells more than what is known.
    fn is_new(&mut self, name: &BlobName, state: BlobState) -> bool {
        let is_full = self.0.len() >= MAX_BLOBS;
        match self.0.get_mut(name) {
            Some(known) if known.is_before(state) => *known = state,
            None if !is_full => {
                self.0.insert(name.clone(), state);
            }
            Some(_) | None => return false,
        }
        true
    }
}
