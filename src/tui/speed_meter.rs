//! How fast bytes move, and when it will be over.
//!
//! Speed counts bytes sent; what was mounted or found present counts only for the time that is left.
//! Has no clock: samples are taken when a tick says that a second has passed.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use crate::batch::{Board, Event, JobId, Settled, State};

/// Seconds the estimate looks back.
const WINDOW: usize = 60;
/// Seconds the shown speed is the mean of.
const SHOWN: usize = 3;
/// An estimate from less than this would only jump about.
const FIRST_ESTIMATE: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, Default)]
pub struct SpeedMeter {
    /// Bytes sent since the start; never falls.
    sent: u64,
    /// Images whose manifests were read.
    planned_jobs: u64,
    last: Option<Sample>,
    /// Bytes per second, and bytes settled or under way, one a second, newest last.
    speeds: VecDeque<u64>,
    done: VecDeque<(Duration, u64)>,
    /// Of images in flight: bytes sent since the last sample, and bytes per second as of then.
    images: BTreeMap<JobId, (u64, Option<u64>)>,
    /// As of the last sample: looking at every failed image is not for every frame.
    time_left: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Duration,
    sent: u64,
}

impl SpeedMeter {
    /// Applies `event` to `board`, counting what it moved.
    pub fn apply(&mut self, board: &mut Board, event: &Event) {
        let sent = |board: &Board| board.totals().copied + board.totals().in_flight;
        if let Event::JobPlanned { job, .. } = event
            && board.job(*job).is_some_and(|view| view.blobs.is_empty())
        {
            self.planned_jobs += 1;
        }
        // What a review found says nothing of how fast it is copied.
        if let Event::ReviewEnded = event {
            self.done.clear();
        }
        let before = sent(board);
        let of = |board: &Board, job| board.job(job).map_or(0, |view| view.bytes_done);
        let moving: BTreeMap<JobId, u64> = match event {
            Event::Progress { blobs } => {
                let jobs = blobs.iter().map(|blob| blob.job);
                jobs.map(|job| (job, of(board, job))).collect()
            }
            Event::BlobSettled {
                job,
                how: Settled::Copied,
                ..
            } => [(*job, of(board, *job))].into(),
            _ => BTreeMap::new(),
        };
        board.apply(event);
        for (job, before) in moving {
            let (moved, _) = self.images.entry(job).or_default();
            *moved += of(board, job).saturating_sub(before);
        }
        // An attempt that starts at an offset, or gives up what it sent, moves no bytes.
        if matches!(event, Event::Progress { .. } | Event::BlobSettled { .. }) {
            self.sent += sent(board).saturating_sub(before);
        }
    }

    pub fn tick(&mut self, now: Duration, board: &Board) {
        let last = *self.last.get_or_insert(Sample {
            at: now,
            sent: self.sent,
        });
        let passed = now.saturating_sub(last.at);
        if passed < Duration::from_secs(1) {
            return;
        }
        let millis = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
        push(
            &mut self.speeds,
            (self.sent - last.sent).saturating_mul(1000) / millis,
        );
        push(&mut self.done, (now, board.totals().done));
        self.images.retain(|job, _| {
            board
                .job(*job)
                .is_some_and(|view| view.state == State::Running)
        });
        for (moved, speed) in self.images.values_mut() {
            let latest = moved.saturating_mul(1000) / millis;
            // Half of it is older: a number that jumps cannot be read.
            let smooth = speed.map_or(latest, |speed| speed / 2 + latest / 2);
            *speed = Some(if latest == 0 && smooth < 1024 {
                0
            } else {
                smooth
            });
            *moved = 0;
        }
        self.last = Some(Sample {
            at: now,
            sent: self.sent,
        });
        self.time_left = self.estimate(board);
    }

    /// Bytes per second now; none until a second was seen.
    #[must_use]
    pub fn speed(&self) -> Option<u64> {
        let recent = self.speeds.len().min(SHOWN);
        let sum: u64 = self.speeds.iter().rev().take(SHOWN).sum();
        sum.checked_div(recent as u64)
    }

    /// Bytes per second of one image in flight; none until it was seen for a second.
    #[must_use]
    pub fn speed_of(&self, job: JobId) -> Option<u64> {
        self.images.get(&job).and_then(|(_, speed)| *speed)
    }

    /// Bytes per second of the last seconds, oldest first, as many as `most`.
    pub fn speeds(&self, most: usize) -> impl Iterator<Item = u64> + '_ {
        let skipped = self.speeds.len().saturating_sub(most);
        self.speeds.iter().copied().skip(skipped)
    }

    /// How many bytes the batch comes to: what is planned, and as much again for every image not read
    /// yet as the read ones have on average.
    #[must_use]
    pub fn expected(&self, board: &Board) -> u64 {
        let planned = board.totals().planned;
        let mean = planned.checked_div(self.planned_jobs).unwrap_or(0);
        let unread = board.counts().queued - board.planned();
        planned.saturating_add(mean.saturating_mul(unread as u64))
    }

    /// Time left; none while it cannot be told.
    #[must_use]
    pub fn time_left(&self, board: &Board) -> Option<Duration> {
        self.time_left
            .filter(|_| !board.paused && board.stopping.is_none())
            .filter(|_| !board.is_reviewing() && !board.all_done())
    }

    fn estimate(&self, board: &Board) -> Option<Duration> {
        let ((start, before), (end, done)) = (*self.done.front()?, *self.done.back()?);
        let passed = end
            .checked_sub(start)
            .filter(|passed| *passed >= FIRST_ESTIMATE)?;
        let moved = done.checked_sub(before).filter(|moved| *moved > 0)?;
        // What failed images still lack is not coming.
        let lost: u64 = board
            .failed()
            .filter_map(|job| board.job(job))
            .map(|view| view.bytes_total - view.bytes_done)
            .sum();
        let left = self
            .expected(board)
            .saturating_sub(board.totals().done + lost);
        // What is left then is not a matter of bytes.
        if left == 0 {
            return None;
        }
        let millis = u128::from(left) * passed.as_millis() / u128::from(moved);
        Some(Duration::from_millis(u64::try_from(millis).ok()?))
    }
}

fn push<T>(samples: &mut VecDeque<T>, sample: T) {
    if samples.len() == WINDOW {
        samples.pop_front();
    }
    samples.push_back(sample);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        batch::{Attempt, JobId},
        tui::fixtures::{self, MIB},
    };

    fn second(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// A meter and a board with two images of 100 MiB in one blob each, the first one started.
    fn started() -> (SpeedMeter, Board) {
        let (mut meter, mut board) = (SpeedMeter::default(), Board::default());
        let events = fixtures::listed(2).into_iter().chain([
            fixtures::started(0, 1),
            fixtures::planned(0, &[100 * MIB]),
            fixtures::blob_started(0, 0, 0),
        ]);
        for event in events {
            meter.apply(&mut board, &event);
        }
        (meter, board)
    }

    #[test]
    fn speed_is_what_was_sent_in_the_last_seconds() {
        let (mut meter, mut board) = started();
        meter.tick(second(0), &board);
        assert_eq!(meter.speed(), None);
        for at in 1..=4 {
            meter.apply(&mut board, &fixtures::progress(0, 1, 0, at * at * MIB));
            meter.tick(second(at), &board);
        }
        assert_eq!(
            meter.speeds(9).collect::<Vec<_>>(),
            [1, 3, 5, 7].map(|n| n * MIB)
        );
        assert_eq!(meter.speed(), Some(5 * MIB));
    }

    #[test]
    fn an_offset_a_mount_and_a_given_up_attempt_are_no_speed() {
        let (mut meter, mut board) = started();
        meter.tick(second(0), &board);
        let events = [
            fixtures::blob_started(0, 0, 50 * MIB),
            fixtures::progress(0, 1, 0, 52 * MIB),
            fixtures::retry_scheduled(0, 1, "said 503"),
            fixtures::started(0, 2),
            fixtures::mounted(0, 0),
        ];
        for event in events {
            meter.apply(&mut board, &event);
        }
        meter.tick(second(1), &board);
        assert_eq!(meter.speed(), Some(2 * MIB));
    }

    #[test]
    fn the_time_left_is_told_after_ten_seconds_and_counts_images_not_read_yet() {
        let (mut meter, mut board) = started();
        for at in 0..=12 {
            meter.apply(&mut board, &fixtures::progress(0, 1, 0, at * MIB));
            meter.tick(second(at), &board);
            assert_eq!(meter.time_left(&board).is_some(), at >= 11, "second {at}");
        }
        assert_eq!(meter.expected(&board), 200 * MIB);
        assert_eq!(meter.time_left(&board), Some(second(188)));
        assert_eq!(
            board.job(JobId(0)).map(|view| view.attempt),
            Some(Attempt(1))
        );
    }

    #[test]
    fn a_paused_batch_has_no_time_left() {
        let (mut meter, mut board) = started();
        for at in 0..=12 {
            meter.apply(&mut board, &fixtures::progress(0, 1, 0, at * MIB));
            meter.tick(second(at), &board);
        }
        board.apply(&Event::BatchPaused);
        assert_eq!(meter.time_left(&board), None);
    }
}
