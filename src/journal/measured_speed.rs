//! How fast images were copied, for an estimate of the next batch.
//!
//! Decides which time counts: that in which at least one image moved bytes, so that pauses and waits are left out.
//! Invariant: a few small images measure nothing.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Figures;

/// Fewer bytes say more about the round trips than about the speed.
const MIN_BYTES: u64 = 1 << 20;

/// Bytes a second over all images; `None` if too little was moved.
pub fn measured_speed<'a>(images: impl IntoIterator<Item = &'a Figures>) -> Option<u64> {
    let mut bytes: u64 = 0;
    let mut spans: Vec<(Timestamp, Timestamp)> = Vec::new();
    for image in images.into_iter().filter(|image| image.copied > 0) {
        let Some(ended) = image.ended else {
            continue;
        };
        let busy = SignedDuration::try_from(image.busy()).ok()?;
        spans.push((ended.checked_sub(busy).ok()?, ended));
        bytes = bytes.saturating_add(image.copied);
    }
    let time = covered(spans);
    if bytes < MIN_BYTES || time.is_zero() {
        return None;
    }
    let speed = u128::from(bytes) * 1000 / time.as_millis().max(1);
    u64::try_from(speed).ok().filter(|speed| *speed > 0)
}

/// The time that at least one of `spans` covers.
fn covered(mut spans: Vec<(Timestamp, Timestamp)>) -> Duration {
    spans.sort_unstable();
    let mut time = Duration::ZERO;
    let mut until = Timestamp::MIN;
    for (start, end) in spans {
        let start = start.max(until);
        if end > start {
            time += Duration::try_from(end.duration_since(start)).unwrap_or_default();
            until = end;
        }
    }
    time
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Millis;

    const MIB: u64 = 1 << 20;

    /// An image that ended after `ended` seconds and was busy for `busy` of them.
    fn image(ended: i64, busy: u64, copied: u64) -> Figures {
        Figures {
            ended: Some(Timestamp::from_second(ended).unwrap()),
            busy: Millis(busy * 1000),
            copied,
            ..Figures::default()
        }
    }

    #[test]
    fn time_in_which_several_images_move_counts_once() {
        let images = [image(10, 10, 10 * MIB), image(15, 10, 20 * MIB)];
        assert_eq!(measured_speed(&images), Some(2 * MIB));
    }

    #[test]
    fn a_pause_between_images_does_not_count() {
        let images = [image(10, 10, 10 * MIB), image(1000, 10, 10 * MIB)];
        assert_eq!(measured_speed(&images), Some(MIB));
    }

    #[test]
    fn what_moved_nothing_or_little_measures_nothing() {
        assert_eq!(measured_speed(&[image(10, 10, 0)]), None);
        assert_eq!(measured_speed(&[image(10, 10, MIB - 1)]), None);
        let running = Figures {
            ended: None,
            ..image(10, 10, MIB)
        };
        assert_eq!(measured_speed(&[running]), None);
    }
}
