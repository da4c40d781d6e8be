//! How fast bytes move and when the batch will have ended, derived from the times of events.
//!
//! Decides what counts as speed: bytes sent. Bytes that were mounted or found present count for the time left only.
//! Invariant: every second is measured between the same two points of event time, so an observer that is late
//! derives the same numbers.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use super::{Board, Event, JobId, Settled, State};
use crate::oci::Store;

/// Seconds the estimate looks back.
const WINDOW: u64 = 60;
/// Seconds the shown speed is the mean of.
const SHOWN: usize = 3;
/// Seconds before there is an estimate; one from fewer would jump.
const FIRST_ESTIMATE: usize = 10;

#[derive(Clone, Debug, Default)]
pub struct SpeedMeter {
    /// Whole seconds measured since the batch started.
    seconds: u64,
    /// Bytes of copied blobs and of blobs in flight, after the last event.
    moved: u64,
    /// Bytes sent in the second that is not over yet.
    sent: u64,
    /// Bytes settled or in flight, after the last event.
    done: u64,
    /// Bytes sent in each of the last seconds, newest last.
    speeds: VecDeque<u64>,
    /// `done` at the end of each of the last seconds, newest last.
    done_at: VecDeque<u64>,
    /// Running images.
    images: BTreeMap<JobId, ImageSpeed>,
    registries: BTreeMap<Store, RegistrySpeed>,
}

#[derive(Clone, Copy, Debug, Default)]
struct ImageSpeed {
    /// Bytes settled or in flight, after the last event.
    done: u64,
    /// Bytes sent in the second that is not over yet.
    sent: u64,
    /// Smoothed bytes a second; none until a second is over.
    speed: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct RegistrySpeed {
    /// Bytes moved since the batch started, as of the last sample.
    bytes: u64,
    /// `bytes` at the end of the last second.
    before: u64,
    speed: u64,
}

impl SpeedMeter {
    /// Applies an event that `board` has applied; `at` is the time since the batch started.
    pub(super) fn apply(&mut self, at: Duration, event: &Event, board: &Board) {
        self.advance(at);
        let totals = board.totals();
        let moved = totals.copied + totals.in_flight;
        // An attempt that starts at an offset, or gives up what it sent, moves no bytes.
        if matches!(event, Event::Progress { .. } | Event::BlobSettled { .. }) {
            self.sent += moved.saturating_sub(self.moved);
        }
        self.moved = moved;
        self.done = totals.done;
        match event {
            Event::Progress { blobs } => {
                for blob in blobs {
                    self.follow(blob.job, board, true);
                }
            }
            Event::BlobSettled { job, how, .. } => {
                self.follow(*job, board, *how == Settled::Copied);
            }
            Event::JobStarted { job, .. }
            | Event::JobPlanned { job, .. }
            | Event::BlobWaited { job, .. }
            | Event::BlobStarted { job, .. }
            | Event::JobQueued { job, .. }
            | Event::JobRetryScheduled { job, .. }
            | Event::JobStaged { job, .. }
            | Event::JobFinished { job, .. } => self.follow(*job, board, false),
            Event::RegistriesSampled { registries } => {
                for status in registries {
                    let registry = self.registries.entry(status.registry.clone());
                    registry.or_default().bytes = status.bytes;
                }
            }
            // What a review found says nothing about how fast it is copied.
            Event::ReviewEnded => self.done_at.clear(),
            Event::BatchStarted { .. }
            | Event::JobListed { .. }
            | Event::JobRestored { .. }
            | Event::ReviewStarted
            | Event::JobPrioritized { .. }
            | Event::MethodSelected { .. }
            | Event::Noted { .. }
            | Event::BatchPaused
            | Event::BatchResumed
            | Event::ParallelChanged { .. }
            | Event::LimitChanged { .. }
            | Event::StopRequested { .. }
            | Event::CommandRefused { .. }
            | Event::BatchFinished { .. } => {}
        }
    }

    /// Ends every second that is over at `now`, the time since the batch started.
    pub(super) fn advance(&mut self, now: Duration) {
        let skipped = now.as_secs().saturating_sub(self.seconds + WINDOW);
        self.seconds += skipped;
        while self.seconds < now.as_secs() {
            self.seconds += 1;
            self.end_second();
        }
    }

    fn end_second(&mut self) {
        push(&mut self.speeds, std::mem::take(&mut self.sent));
        push(&mut self.done_at, self.done);
        for image in self.images.values_mut() {
            let latest = std::mem::take(&mut image.sent);
            // Half of it is older: a number that jumps cannot be read.
            let smooth = image.speed.map_or(latest, |speed| speed / 2 + latest / 2);
            let still = latest == 0 && smooth < 1024;
            image.speed = Some(if still { 0 } else { smooth });
        }
        for registry in self.registries.values_mut() {
            registry.speed = registry.bytes.saturating_sub(registry.before);
            registry.before = registry.bytes;
        }
    }

    /// Takes in how far an image is, and whether it got there by sending.
    fn follow(&mut self, job: JobId, board: &Board, by_sending: bool) {
        match board.job(job) {
            Some(view) if view.state == State::Running => {
                let image = self.images.entry(job).or_default();
                if by_sending {
                    image.sent += view.bytes_done.saturating_sub(image.done);
                }
                image.done = view.bytes_done;
            }
            _ => drop(self.images.remove(&job)),
        }
    }

    /// Bytes a second now; none until a second is over.
    #[must_use]
    pub fn speed(&self) -> Option<u64> {
        let recent = self.speeds.len().min(SHOWN);
        let sum: u64 = self.speeds.iter().rev().take(SHOWN).sum();
        sum.checked_div(recent as u64)
    }

    /// Bytes a second of one running image; none until it ran for a second.
    #[must_use]
    pub fn speed_of(&self, job: JobId) -> Option<u64> {
        self.images.get(&job).and_then(|image| image.speed)
    }

    /// Bytes a second that move to and from a registry; 0 until a second is over.
    #[must_use]
    pub fn registry_speed(&self, registry: &Store) -> u64 {
        self.registries.get(registry).map_or(0, |one| one.speed)
    }

    /// Bytes a second in each of the last seconds, oldest first, at most `count` of them.
    pub fn speeds(&self, count: usize) -> impl Iterator<Item = u64> + '_ {
        let skipped = self.speeds.len().saturating_sub(count);
        self.speeds.iter().copied().skip(skipped)
    }

    /// How many bytes the batch comes to: what is planned, and for every image not read yet the mean of those
    /// that are.
    #[must_use]
    pub fn expected(&self, board: &Board) -> u64 {
        let totals = board.totals();
        let mean = totals.planned.checked_div(totals.jobs).unwrap_or(0);
        let unread = board.counts().queued - board.planned();
        totals
            .planned
            .saturating_add(mean.saturating_mul(unread as u64))
    }

    /// Time left; none while it cannot be estimated.
    #[must_use]
    pub fn time_left(&self, board: &Board) -> Option<Duration> {
        let is_moving = !board.paused && board.stopping.is_none();
        if !is_moving || board.is_reviewing() || board.all_done() {
            return None;
        }
        let seconds = self.done_at.len().checked_sub(1)?;
        let (first, last) = (self.done_at.front()?, self.done_at.back()?);
        if seconds < FIRST_ESTIMATE {
            return None;
        }
        let moved = last.checked_sub(*first).filter(|moved| *moved > 0)?;
        // What failed images lack is not copied any more.
        let reached = board.totals().done + board.totals().lost;
        let left = self.expected(board).saturating_sub(reached);
        // When no bytes are left, manifests are, and their time is not known.
        if left == 0 {
            return None;
        }
        let millis = u128::from(left) * seconds as u128 * 1000 / u128::from(moved);
        Some(Duration::from_millis(u64::try_from(millis).ok()?))
    }
}

fn push(samples: &mut VecDeque<u64>, sample: u64) {
    if samples.len() as u64 == WINDOW {
        samples.pop_front();
    }
    samples.push_back(sample);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        batch::{Attempt, BlobKind, BlobProgress, Job, PlannedBlob},
        oci::{CopySpec, Digest},
    };

    const MIB: u64 = 1024 * 1024;
    const JOB: JobId = JobId(0);

    /// A meter beside the board it measures.
    #[derive(Default)]
    struct Run {
        meter: SpeedMeter,
        board: Board,
    }

    impl Run {
        /// Two images of 100 MiB in one blob each, the first one running.
        fn started() -> Self {
            let listed = |number: u32| {
                let reference = |registry| format!("{registry}/app:{number}").parse().unwrap();
                Event::JobListed {
                    job: Box::new(Job {
                        id: JobId(number),
                        spec: CopySpec::new(reference("a.example"), reference("b.example")),
                    }),
                }
            };
            let blob = PlannedBlob {
                digest: layer(),
                size: 100 * MIB,
                kind: BlobKind::Layer,
                media_type: None,
            };
            let planned = Event::JobPlanned {
                job: JOB,
                root: Digest::of(b"root"),
                manifests: Vec::new(),
                blobs: vec![blob],
                replaces: None,
            };
            let mut run = Self::default();
            let events = [listed(0), listed(1), started(1), planned, blob_started(0)];
            events.into_iter().for_each(|event| run.apply(0, event));
            run
        }

        fn apply(&mut self, millis: u64, event: Event) {
            self.board.apply(&event);
            let at = Duration::from_millis(millis);
            self.meter.apply(at, &event, &self.board);
        }

        fn advance(&mut self, seconds: u64) {
            self.meter.advance(Duration::from_secs(seconds));
        }

        fn speeds(&self) -> Vec<u64> {
            self.meter.speeds(9).map(|bytes| bytes / MIB).collect()
        }
    }

    fn layer() -> Digest {
        Digest::of(b"layer")
    }

    fn started(attempt: u16) -> Event {
        let attempt = Attempt(attempt);
        Event::JobStarted { job: JOB, attempt }
    }

    fn blob_started(offset: u64) -> Event {
        Event::BlobStarted {
            job: JOB,
            digest: layer(),
            offset,
        }
    }

    fn progress(mebibytes: u64) -> Event {
        Event::Progress {
            blobs: vec![BlobProgress {
                job: JOB,
                attempt: Attempt(1),
                digest: layer(),
                done: mebibytes * MIB,
            }],
        }
    }

    #[test]
    fn speed_is_what_was_sent_in_the_last_seconds() {
        let mut run = Run::started();
        assert_eq!(run.meter.speed(), None);
        for second in 1..=4 {
            run.apply(second * 1000 - 1, progress(second * second));
        }
        run.advance(4);
        assert_eq!(run.speeds(), [1, 3, 5, 7]);
        assert_eq!(run.meter.speed(), Some(5 * MIB));
        assert_eq!(run.meter.speed_of(JOB), Some(11 * MIB / 2 - MIB / 4));
    }

    #[test]
    fn an_observer_that_is_late_measures_the_same() {
        let (mut prompt, mut late) = (Run::started(), Run::started());
        let progress = |millis: u64| progress(millis / 250);
        for millis in (100..6000).step_by(300) {
            prompt.advance(millis / 1000);
            prompt.apply(millis, progress(millis));
        }
        // Nothing more comes, and everything at once to the other one.
        prompt.advance(9);
        for millis in (100..6000).step_by(300) {
            late.apply(millis, progress(millis));
        }
        late.advance(9);
        assert_eq!(prompt.speeds(), late.speeds());
        assert_eq!(prompt.speeds()[6..], [0, 0, 0]);
        assert_eq!(prompt.meter.speed_of(JOB), late.meter.speed_of(JOB));
    }

    #[test]
    fn an_offset_a_present_blob_and_a_cancelled_attempt_are_no_speed() {
        let mut run = Run::started();
        let present = Event::BlobSettled {
            job: JOB,
            digest: layer(),
            bytes: 100 * MIB,
            how: Settled::Present,
        };
        let queued = Event::JobQueued {
            job: JOB,
            why: crate::batch::QueueReason::Stopped,
        };
        let events = [
            blob_started(50 * MIB),
            progress(52),
            queued,
            started(2),
            present,
        ];
        events.into_iter().for_each(|event| run.apply(500, event));
        run.advance(1);
        assert_eq!(run.speeds(), [2]);
    }

    #[test]
    fn the_time_left_is_estimated_after_ten_seconds_and_counts_images_not_read_yet() {
        let mut run = Run::started();
        for second in 0..=12 {
            run.advance(second);
            let is_estimated = run.meter.time_left(&run.board).is_some();
            assert_eq!(is_estimated, second >= 11, "second {second}");
            run.apply(second * 1000 + 1, progress(second + 1));
        }
        assert_eq!(run.meter.expected(&run.board), 200 * MIB);
        let left = run.meter.time_left(&run.board);
        assert_eq!(left, Some(Duration::from_secs(187)));
        run.board.apply(&Event::BatchPaused);
        assert_eq!(run.meter.time_left(&run.board), None);
    }

    #[test]
    fn a_long_silence_costs_no_more_than_the_window() {
        let mut run = Run::started();
        run.apply(500, progress(7));
        run.advance(1_000_000_000);
        assert_eq!(run.meter.speed(), Some(0));
    }
}
