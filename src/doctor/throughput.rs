//! How fast bytes move, from what was moved.
//!
//! Decides when too little was moved to say. Invariant: a rate is never divided by zero.

use std::time::Duration;

use super::{Check, Finding, Measured};
use crate::present::{bytes, rate};

/// Less than this moves in one packet or two.
const TOO_LITTLE: u64 = 256 << 10;

pub(super) fn finding(check: Check, moved: u64, elapsed: Duration) -> Finding {
    let micros = elapsed.as_micros().max(1);
    let speed = u128::from(moved) * 1_000_000 / micros;
    let speed = u64::try_from(speed).unwrap_or(u64::MAX);
    if moved < TOO_LITTLE {
        let detail = format!("works; {} are too little to measure", bytes(moved));
        return Finding::good(check, detail);
    }
    let detail = format!("{} ({} at once, one stream)", rate(speed), bytes(moved));
    Finding::good(check, detail).measured(Measured::BytesPerSecond(speed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_needs_enough_bytes_and_no_time() {
        let found = |moved, milliseconds| {
            finding(Check::Upload, moved, Duration::from_millis(milliseconds)).measured
        };
        let speed = |bytes| Some(Measured::BytesPerSecond(bytes));
        assert_eq!(found(8 << 20, 2000), speed(4 << 20));
        assert_eq!(found(1000, 2000), None);
        assert_eq!(found(1 << 20, 0), speed((1 << 20) * 1_000_000));
    }
}
