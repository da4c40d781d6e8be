//! What the lines in place show: the batch, and the blobs in flight.
//!
//! Decides which blobs are shown if there are more than lines. Invariant: a function of the events and the times it was
//! advanced to.

use std::{cmp::Reverse, collections::HashSet, time::Duration};

use jiff::Timestamp;

use super::{
    blob_speeds::BlobSpeeds,
    scroll_line::{ScrollLine, ScrollLines},
};
use crate::{
    batch::{BlobState, BlobView, Board, JobView, Stats, TimedEvent},
    oci::Digest,
    tui::Options,
};

/// Lines for blobs, at most.
const MAX_BLOBS: usize = 8;

pub struct InlineModel {
    pub options: Options,
    pub board: Board,
    pub stats: Stats,
    speeds: BlobSpeeds,
    lines: ScrollLines,
    /// Time since the batch started.
    now: Duration,
}

/// A blob in flight.
#[derive(Clone, Copy, Debug)]
pub struct ActiveBlob<'a> {
    pub blob: &'a BlobView,
    /// Bytes sent.
    pub done: u64,
    /// Bytes a second; none until it moved for a second.
    pub speed: Option<u64>,
}

/// The blobs that are shown, and how many others are not settled.
#[derive(Debug)]
pub struct ShownBlobs<'a> {
    pub active: Vec<ActiveBlob<'a>>,
    pub more: usize,
}

impl InlineModel {
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            options,
            board: Board::default(),
            stats: Stats::default(),
            speeds: BlobSpeeds::default(),
            lines: ScrollLines::default(),
            now: Duration::ZERO,
        }
    }

    /// Applies an event; returns its line for the scrollback, if it has one.
    pub fn apply(&mut self, event: &TimedEvent) -> Option<ScrollLine> {
        self.board.apply(&event.event);
        self.stats.apply(event, &self.board);
        let at = self.stats.since_start(event.at);
        self.now = self.now.max(at);
        self.speeds.apply(at, &event.event);
        let elapsed = self.stats.elapsed(at);
        let attempts = self.options.attempts;
        self.lines
            .line(&event.event, &self.board, elapsed, attempts)
    }

    /// Takes in that it is `now`.
    pub fn tick(&mut self, now: Timestamp) {
        self.now = self.stats.since_start(now);
        self.stats.advance(self.now);
        self.speeds.advance(self.now);
    }

    /// The image that the first line names: the first that has not ended, else the last one.
    #[must_use]
    pub fn image(&self) -> Option<&JobView> {
        let jobs = self.board.jobs();
        jobs.iter().find(|view| !view.is_done()).or(jobs.last())
    }

    /// At most `lines` of lines; the fastest blobs if they are more.
    #[must_use]
    pub fn blobs(&self, lines: usize) -> ShownBlobs<'_> {
        let views = || self.board.running().filter_map(|job| self.board.job(job));
        let mut active: Vec<ActiveBlob> = views()
            .flat_map(|view| view.blobs.iter().map(move |blob| (view.job.id, blob)))
            .filter_map(|(job, blob)| match blob.state {
                BlobState::Copying { done } => Some(ActiveBlob {
                    blob,
                    done,
                    speed: self.speeds.of(job, &blob.digest),
                }),
                BlobState::Pending | BlobState::WaitingFor(_) | BlobState::Settled(_) => None,
            })
            .collect();
        let open: HashSet<&Digest> = views()
            .flat_map(|view| &view.blobs)
            .filter(|blob| !matches!(blob.state, BlobState::Settled(_)))
            .map(|blob| &blob.digest)
            .collect();
        let lines = match open.len() > lines.min(MAX_BLOBS) {
            // The last line counts the others.
            true => lines.saturating_sub(1).min(MAX_BLOBS),
            false => lines,
        };
        if active.len() > lines {
            let mut speeds: Vec<_> = (0..)
                .zip(&active)
                .map(|(at, blob)| (Reverse(blob.speed), at))
                .collect();
            speeds.sort_unstable();
            let fastest: HashSet<usize> = speeds.iter().take(lines).map(|(_, at)| *at).collect();
            // They keep their order, so that lines do not jump.
            let mut positions = 0..;
            active.retain(|_| positions.next().is_some_and(|at| fastest.contains(&at)));
        }
        let more = open.len().saturating_sub(active.len());
        ShownBlobs { active, more }
    }

    /// How many lines all of it needs.
    #[must_use]
    pub fn height(&self) -> u16 {
        let shown = self.blobs(usize::from(u16::MAX));
        let blobs = shown.active.len() + usize::from(shown.more > 0);
        2 + u16::try_from(blobs).unwrap_or(u16::MAX)
    }
}
