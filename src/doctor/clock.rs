//! Whether the clocks of a registry and this machine agree.
//!
//! Decides how much is too much: certificates and tokens have times, and token servers allow about a minute. Invariant:
//! the `Date` of an answer has whole seconds, so less than two seconds is no difference.

use std::time::{Duration, SystemTime};

use super::{Check, Finding, Measured};
use crate::present::duration;

/// From here on tokens may be refused.
const SUSPICIOUS: Duration = Duration::from_secs(30);
/// From here on tokens are refused.
const WRONG: Duration = Duration::from_secs(5 * 60);
const EQUAL: Duration = Duration::from_secs(2);
const ADVICE: &str = "correct the clock that is wrong (`timedatectl` on this machine): tokens and certificates are refused \
                      when clocks differ";

/// `now` is this machine's clock when the answer with `date` came, after `elapsed`.
pub(super) fn finding(date: Option<SystemTime>, now: SystemTime, elapsed: Duration) -> Finding {
    let Some(date) = date else {
        return Finding::note(
            Check::Clock,
            "its answers have no Date",
            "nothing; compare the clocks by hand if tokens are refused",
        );
    };
    // The answer was made on the way.
    let now = now - elapsed / 2;
    let (difference, is_ahead) = match date.duration_since(now) {
        Ok(ahead) => (ahead, true),
        Err(behind) => (behind.duration(), false),
    };
    let seconds = i64::try_from(difference.as_secs()).unwrap_or(i64::MAX);
    let measured = Measured::SecondsAhead(if is_ahead { seconds } else { -seconds });
    if difference < EQUAL {
        return Finding::good(Check::Clock, "equal to this machine's").measured(measured);
    }
    let word = if is_ahead { "ahead of" } else { "behind" };
    let detail = format!("{} {word} this machine's", duration(difference));
    let found = if difference < SUSPICIOUS {
        Finding::good(Check::Clock, detail)
    } else if difference < WRONG {
        Finding::warning(Check::Clock, detail, ADVICE)
    } else {
        Finding::bad(Check::Clock, detail, ADVICE)
    };
    found.measured(measured)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;

    #[test]
    fn a_clock_is_compared_with_the_middle_of_the_request() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let status = |ahead: i64, elapsed: u64| {
            let offset = Duration::from_secs(ahead.unsigned_abs());
            let date = if ahead < 0 {
                now - offset
            } else {
                now + offset
            };
            let found = finding(Some(date), now, Duration::from_secs(elapsed));
            (found.status, found.measured)
        };
        let ahead = |seconds| Some(Measured::SecondsAhead(seconds));
        assert_eq!(status(0, 0), (Status::Good, ahead(0)));
        assert_eq!(status(-10, 20), (Status::Good, ahead(0)));
        assert_eq!(status(-20, 0), (Status::Good, ahead(-20)));
        assert_eq!(status(60, 0), (Status::Warning, ahead(60)));
        assert_eq!(status(-7200, 0), (Status::Bad, ahead(-7200)));
        assert_eq!(finding(None, now, Duration::ZERO).status, Status::Note);
    }
}
