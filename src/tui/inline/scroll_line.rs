//! Lines that stay in the scrollback: finished blobs, notes, failures, finished images.
//!
//! Decides which events leave a line. Invariant: a blob that several images share has one line.

use std::{collections::HashSet, time::Duration};

use crate::{
    batch::{BlobKind, Board, Event, JobId, Outcome, Settled},
    oci::Digest,
    present::{Level, duration, sentence},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScrollLine {
    Blob {
        kind: BlobKind,
        digest: Digest,
        /// Length in bytes.
        size: u64,
        how: Settled,
    },
    /// Wrapped where it is too long.
    Note { level: Level, text: String },
    /// An image is at its destination.
    Image { text: String, root: Digest },
}

/// Turns events into lines.
#[derive(Clone, Debug, Default)]
pub struct ScrollLines {
    /// Blobs that have their line.
    blobs: HashSet<Digest>,
}

impl ScrollLines {
    /// The line of an event that `board` has applied, if it leaves one; `elapsed` is the time that the batch took so far.
    pub fn line(
        &mut self,
        event: &Event,
        board: &Board,
        elapsed: Duration,
        attempts: Option<u16>,
    ) -> Option<ScrollLine> {
        match event {
            Event::BlobSettled {
                job, digest, how, ..
            } => {
                let view = board.job(*job)?;
                let blob = view.blobs.iter().find(|blob| blob.digest == *digest)?;
                let is_new = self.blobs.insert(digest.clone());
                is_new.then(|| ScrollLine::Blob {
                    kind: blob.kind,
                    digest: digest.clone(),
                    size: blob.size,
                    how: how.clone(),
                })
            }
            Event::JobFinished {
                job,
                outcome: Outcome::Copied { root } | Outcome::UpToDate { root },
            } => {
                let destination = &board.job(*job)?.job.spec.destination;
                let text = sentence(event, board, attempts, None)?.text;
                let took = duration(elapsed);
                Some(ScrollLine::Image {
                    text: format!("{destination}  {text}, in {took}"),
                    root: root.clone(),
                })
            }
            // The lines in place say what runs, and what ended has its line.
            Event::BatchStarted { .. } | Event::JobStarted { .. } | Event::BatchFinished { .. } => {
                None
            }
            event => {
                let sentence = sentence(event, board, attempts, None)?;
                let about = sentence.job.and_then(|job| name(board, job));
                Some(ScrollLine::Note {
                    level: sentence.level,
                    text: match about {
                        Some(name) => format!("{name}: {}", sentence.text),
                        None => sentence.text,
                    },
                })
            }
        }
    }
}

/// Which of several images a note is about.
fn name(board: &Board, job: JobId) -> Option<String> {
    let view = board.job(job).filter(|_| board.jobs().len() > 1)?;
    Some(view.job.spec.destination.to_string())
}
