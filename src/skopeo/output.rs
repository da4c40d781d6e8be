//! What skopeo prints, as events.
//!
//! Invariant: memory is bounded, whatever is printed.

use crate::oci::Digest;

const MAX_LINE_BYTES: usize = 64 * 1024;

/// Something that skopeo printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutputEvent {
    /// The digest of the manifest at the destination.
    Digest(Digest),
    /// Any other line.
    Line(String),
}

/// Reads output in pieces.
#[derive(Debug, Default)]
pub struct OutputParser {
    line: Vec<u8>,
}

impl OutputParser {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub fn push(&mut self, bytes: &[u8], emit: &mut dyn FnMut(OutputEvent)) {
        for &byte in bytes {
            match byte {
                b'\n' | b'\r' => self.end_line(emit),
                _ if self.line.len() < MAX_LINE_BYTES => self.line.push(byte),
                _ => {}
            }
        }
    }

    pub fn finish(mut self, emit: &mut dyn FnMut(OutputEvent)) {
        self.end_line(emit);
    }

    fn end_line(&mut self, emit: &mut dyn FnMut(OutputEvent)) {
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line);
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        if text.is_empty() {
            return;
        }
        emit(match text.parse() {
            Ok(digest) => OutputEvent::Digest(digest),
            Err(_) => OutputEvent::Line(text),
        });
    }
}
