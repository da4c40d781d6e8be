//! The output of one copy while it runs.
//!
//! Decides what is kept for the error of a copy that fails. Invariant: that is bounded, whatever skopeo prints.

use std::collections::VecDeque;

use super::output::{OutputEvent, OutputParser};
use crate::{oci::Digest, program::Stream};

/// Lines that are kept: the last ones name the cause.
const MAX_LINES: usize = 40;
/// Longer lines are cut off.
const MAX_LINE_LENGTH: usize = 8 * 1024;

pub(super) struct CopyOutput<'a> {
    stdout: OutputParser,
    stderr: OutputParser,
    seen: Seen<'a>,
}

struct Seen<'a> {
    on_event: &'a mut (dyn FnMut(OutputEvent) + Send),
    digest: Option<Digest>,
    lines: VecDeque<String>,
}

/// What is left of the output of a copy that ended.
pub(super) struct Summary {
    pub(super) digest: Option<Digest>,
    /// The last lines that are no progress, on whichever stream.
    pub(super) text: String,
}

impl<'a> CopyOutput<'a> {
    pub(super) fn new(on_event: &'a mut (dyn FnMut(OutputEvent) + Send)) -> Self {
        Self {
            stdout: OutputParser::new(),
            stderr: OutputParser::new(),
            seen: Seen {
                on_event,
                digest: None,
                lines: VecDeque::new(),
            },
        }
    }

    pub(super) fn push(&mut self, stream: Stream, bytes: &[u8]) {
        let seen = &mut self.seen;
        match stream {
            Stream::Stdout => self.stdout.push(bytes, &mut |event| seen.apply(event)),
            Stream::Stderr => self.stderr.push(bytes, &mut |event| seen.apply_line(event)),
        }
    }

    pub(super) fn finish(self) -> Summary {
        let mut seen = self.seen;
        self.stdout.finish(&mut |event| seen.apply(event));
        self.stderr.finish(&mut |event| seen.apply_line(event));
        let lines: Vec<String> = seen.lines.into();
        Summary {
            digest: seen.digest,
            text: lines.join("\n"),
        }
    }
}

impl Seen<'_> {
    fn apply(&mut self, event: OutputEvent) {
        if let OutputEvent::Digest(digest) = &event {
            self.digest = Some(digest.clone());
        }
        if let OutputEvent::Line(line) = &event {
            self.keep(line);
        }
        (self.on_event)(event);
    }

    /// Standard error has messages only.
    fn apply_line(&mut self, event: OutputEvent) {
        if let OutputEvent::Line(line) = &event {
            self.keep(line);
            (self.on_event)(event);
        }
    }

    fn keep(&mut self, line: &str) {
        if self.lines.len() == MAX_LINES {
            self.lines.pop_front();
        }
        self.lines
            .push_back(line.chars().take(MAX_LINE_LENGTH).collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_and_the_last_lines_are_kept() {
        let digest = Digest::of(b"manifest");
        let mut events = Vec::new();
        let mut on_event = |event| events.push(event);
        let mut output = CopyOutput::new(&mut on_event);
        for number in 0..100 {
            output.push(Stream::Stderr, format!("warning {number}\n").as_bytes());
        }
        output.push(Stream::Stdout, digest.to_string().as_bytes());
        output.push(Stream::Stderr, b"the cause");
        let summary = output.finish();
        assert_eq!(summary.digest, Some(digest.clone()));
        let lines: Vec<&str> = summary.text.lines().collect();
        assert_eq!((lines.len(), lines[39]), (MAX_LINES, "the cause"));
        assert_eq!(events.len(), 102);
        assert!(events.contains(&OutputEvent::Digest(digest)));
    }
}
