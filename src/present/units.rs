//! Formats bytes, rates, durations, percentages and counted nouns.
//!
//! Invariant: units are binary with one decimal, and 100 % means that nothing is missing.

use std::time::Duration;

const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// `0 B`, `999 B`, `1.5 KiB`, `12.0 GiB`.
#[must_use]
pub fn bytes(amount: u64) -> String {
    if amount < 1024 {
        return format!("{amount} B");
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "one decimal is shown; f64 is exact far beyond that"
    )]
    let mut value = amount as f64 / 1024.0;
    let mut unit = 0;
    // 1023.95 would be written as 1024.0 of the smaller unit.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A speed from bytes per second.
#[must_use]
pub fn rate(bytes_per_second: u64) -> String {
    format!("{}/s", bytes(bytes_per_second))
}

/// The two largest units: `3 s`, `2 min 05 s`, `1 h 02 min`, `3 d 4 h`.
#[must_use]
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min {:02} s", seconds % 60),
        3600..86400 => format!("{hours} h {:02} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// The same, with tenths of seconds below a minute: `0.4 s`, `59.9 s`, `2 min 05 s`.
#[must_use]
pub fn precise_duration(duration: Duration) -> String {
    match duration.as_millis() / 100 {
        tenths @ 0..600 => format!("{}.{} s", tenths / 10, tenths % 10),
        _ => self::duration(duration),
    }
}

/// The rest of a wait: `now`, `in 12 s`.
#[must_use]
pub fn countdown(wait: Duration) -> String {
    match wait.as_secs() {
        0 => "now".to_owned(),
        _ => format!("in {}", duration(wait)),
    }
}

/// Hours, minutes and seconds: `0:01:23`.
#[must_use]
pub fn clock(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    format!(
        "{}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// `done` in percent of `total`, rounded down; 100 if `total` is 0.
#[must_use]
pub fn percent(done: u64, total: u64) -> u8 {
    if done >= total {
        return 100;
    }
    u8::try_from(u128::from(done) * 100 / u128::from(total)).unwrap_or(100)
}

/// A counted noun with a regular plural: `1 image`, `2 images`, `2 batches`.
#[must_use]
pub fn count(amount: usize, noun: &str) -> String {
    match amount {
        1 => format!("1 {noun}"),
        _ if noun.ends_with("ch") => format!("{amount} {noun}es"),
        _ if noun.ends_with("ry") => format!("{amount} {}ies", noun.trim_end_matches('y')),
        _ => format!("{amount} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_binary_units_and_one_decimal() {
        let written = [
            0,
            1023,
            1024,
            1536,
            1024 * 1024 - 1,
            5 * 1024 * 1024 * 1024,
            u64::MAX,
        ]
        .map(bytes);
        assert_eq!(
            written,
            [
                "0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 MiB", "5.0 GiB", "16.0 EiB"
            ]
        );
    }

    #[test]
    fn durations_show_the_two_largest_units() {
        let written = [0, 59, 60, 125, 3599, 3725, 90_000]
            .map(|seconds| duration(Duration::from_secs(seconds)));
        assert_eq!(
            written,
            [
                "0 s",
                "59 s",
                "1 min 00 s",
                "2 min 05 s",
                "59 min 59 s",
                "1 h 02 min",
                "1 d 1 h"
            ]
        );
    }

    #[test]
    fn precise_durations_show_tenths_below_a_minute() {
        let written = [0, 99, 100, 3249, 59_999, 60_000]
            .map(|millis| precise_duration(Duration::from_millis(millis)));
        assert_eq!(
            written,
            ["0.0 s", "0.0 s", "0.1 s", "3.2 s", "59.9 s", "1 min 00 s"]
        );
    }

    #[test]
    fn a_hundred_percent_means_nothing_is_missing() {
        assert_eq!(percent(999_999, 1_000_000), 99);
        assert_eq!(percent(u64::MAX - 1, u64::MAX), 99);
        assert_eq!(percent(1, 1), 100);
        assert_eq!(percent(0, 0), 100);
    }

    #[test]
    fn one_is_singular() {
        assert_eq!(count(1, "image"), "1 image");
        assert_eq!(count(0, "image"), "0 images");
        assert_eq!(count(2, "repository"), "2 repositories");
    }
}
