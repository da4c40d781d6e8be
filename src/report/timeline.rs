//! Bytes over time: how much was copied in each stretch of a batch.
//!
//! Decides how bytes are spread: the journal has the end, the duration and the bytes of each image, so an image counts
//! evenly over its attempts, as if they ended together. Invariant: the stretches together have the bytes of all images
//! that ended.

use std::time::Duration;

use jiff::Timestamp;

use super::image_report::ImageReport;

const MAX_STRETCHES: i64 = 60;
/// Lengths that are easy to read, in seconds.
const LENGTHS: [i64; 15] = [
    1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14_400, 43_200, 86_400,
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    pub start: Timestamp,
    /// The length of a stretch.
    pub step: Duration,
    /// Bytes copied in each stretch.
    pub bytes: Vec<u64>,
    /// The time in which at least one image was being copied.
    pub busy: Duration,
}

/// The attempts of one image, in milliseconds since 1970.
#[derive(Clone, Copy)]
struct Span {
    start: i64,
    end: i64,
    bytes: u64,
}

impl Timeline {
    /// `None` if the times of no image are known.
    pub(super) fn of(images: &[ImageReport]) -> Option<Self> {
        let mut spans: Vec<Span> = images.iter().filter_map(Span::of).collect();
        spans.sort_unstable_by_key(|span| span.start);
        let first = spans.first()?.start;
        let last = spans.iter().map(|span| span.end).max()?;
        let step = step(last.saturating_sub(first));
        let start = first.div_euclid(step) * step;
        let stretches = (last - start).div_euclid(step) + 1;
        let mut bytes = vec![0; usize::try_from(stretches).ok()?];
        for span in &spans {
            span.spread(start, step, &mut bytes);
        }
        Some(Self {
            start: Timestamp::from_millisecond(start).ok()?,
            step: Duration::from_millis(step.unsigned_abs()),
            bytes,
            busy: busy(&spans),
        })
    }

    /// When the last stretch ends.
    #[must_use]
    pub fn end(&self) -> Timestamp {
        let stretches = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        let end = self.start.saturating_add(self.step * stretches);
        end.unwrap_or(self.start)
    }

    /// Bytes copied per second of the time in which images were copied.
    #[must_use]
    pub fn speed(&self) -> Option<u64> {
        let bytes: u128 = self.bytes.iter().copied().map(u128::from).sum();
        let speed = (bytes * 1000).checked_div(self.busy.as_millis())?;
        u64::try_from(speed).ok().filter(|speed| *speed > 0)
    }
}

impl Span {
    fn of(image: &ImageReport) -> Option<Self> {
        let figures = image.figures?;
        let end = figures.ended?.as_millisecond();
        let busy = i64::try_from(figures.busy.0).ok()?;
        Some(Self {
            start: end.saturating_sub(busy),
            end,
            bytes: figures.copied,
        })
    }

    fn spread(self, start: i64, step: i64, bytes: &mut [u64]) {
        let length = self.end - self.start;
        let position = |time: i64| usize::try_from((time - start).div_euclid(step)).unwrap_or(0);
        let mut left = self.bytes;
        for at in position(self.start)..position(self.end) {
            let Some((stretch, edge)) = bytes.get_mut(at).zip(i64::try_from(at + 1).ok()) else {
                break;
            };
            let until = (start + edge * step).min(self.end);
            let from = (start + (edge - 1) * step).max(self.start);
            let share = u128::from(self.bytes) * u128::from((until - from).unsigned_abs());
            let share = share / u128::from(length.unsigned_abs().max(1));
            let share = u64::try_from(share).unwrap_or(left).min(left);
            *stretch = stretch.saturating_add(share);
            left -= share;
        }
        if let Some(stretch) = bytes.get_mut(position(self.end)) {
            *stretch = stretch.saturating_add(left);
        }
    }
}

/// The length of a stretch, in milliseconds.
fn step(length: i64) -> i64 {
    let fits = |seconds: &&i64| length / (**seconds * 1000) < MAX_STRETCHES;
    let days = length / (86_400_000 * MAX_STRETCHES) + 1;
    LENGTHS.iter().find(fits).copied().unwrap_or(86_400 * days) * 1000
}

/// The union of `spans`, which are sorted by their start.
fn busy(spans: &[Span]) -> Duration {
    let (mut total, mut until) = (0, i64::MIN);
    for span in spans {
        total += span.end.saturating_sub(span.start.max(until)).max(0);
        until = until.max(span.end);
    }
    Duration::from_millis(total.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn span(start: i64, end: i64, bytes: u64) -> Span {
        Span { start, end, bytes }
    }

    #[test]
    fn bytes_are_spread_over_the_time_of_their_image() {
        let mut bytes = vec![0; 4];
        span(500, 2500, 400).spread(0, 1000, &mut bytes);
        assert_eq!(bytes, [100, 200, 100, 0]);
    }

    #[test]
    fn time_in_which_nothing_is_copied_does_not_count() {
        let spans = [
            span(0, 10, 1),
            span(5, 8, 1),
            span(9, 12, 1),
            span(50, 60, 1),
        ];
        assert_eq!(busy(&spans), Duration::from_millis(22));
    }

    #[test]
    fn a_long_batch_has_few_stretches() {
        for seconds in [0, 1, 59, 60, 3600, 86_400, 40_000_000] {
            let length = seconds * 1000;
            assert!(length / step(length) <= MAX_STRETCHES, "{seconds} s");
        }
    }

    proptest! {
        #[test]
        fn no_byte_is_lost(start in 0..100_000_i64, length in 0..100_000_i64, bytes: u64) {
            let mut stretches = vec![0; 201];
            span(start, start + length, bytes).spread(0, 1000, &mut stretches);
            prop_assert_eq!(stretches.iter().sum::<u64>(), bytes);
        }
    }
}
