//! What an answer says about rate limits: refusals, quotas, pauses (RFC 6585; Docker Hub's headers).
//!
//! Decides from status, headers and text; the limiter acts on it. Invariant: a pause is at most a day.

use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};

use crate::batch::{Budget, Millis};

/// Longer pauses are cut to this.
const MAX_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);
/// Minimum and maximum pause after a used up quota without `Retry-After`.
const QUOTA_PAUSE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(15 * 60));

/// What an answer means for the limiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Throttling {
    /// Too many requests a second.
    Rate {
        pause: Option<Duration>,
    },
    /// Too many requests a second of this operation, which has a limit of its own.
    Operation,
    /// The quota is used up. One more request is free after `pause`.
    Quota {
        pause: Duration,
    },
    /// A server behind the registry is overloaded.
    Strain,
    None,
}

impl Budget {
    /// The quota in headers such as `ratelimit-limit: 100;w=21600`, which Docker Hub and others send.
    pub(super) fn read(headers: &HeaderMap) -> Option<Self> {
        let number = |name: &str| {
            let text = headers.get(name)?.to_str().ok()?;
            let mut parts = text.split([';', ',']).map(str::trim);
            let count: u64 = parts.next()?.parse().ok()?;
            let window = parts.find_map(|part| part.strip_prefix("w=")?.trim().parse().ok());
            Some((count, window))
        };
        let (limit, window) = number("ratelimit-limit")?;
        let (remaining, _) = number("ratelimit-remaining")?;
        Some(Self {
            limit,
            remaining,
            window_ms: window.map(|seconds: u64| Millis(seconds.saturating_mul(1000))),
        })
    }

    /// How long until one more request is free, if the quota refills evenly.
    fn refill(&self) -> Option<Duration> {
        let window = Duration::from(self.window_ms?);
        let requests = u32::try_from(self.limit.max(1)).unwrap_or(u32::MAX);
        Some(window / requests)
    }
}

impl Throttling {
    /// Docker Hub's two kinds of 429 differ in their text: a used up quota mentions the pull rate limit, too many
    /// requests from one address are `HAP429` (quirk 16, see registry/quirks.md).
    pub(super) fn of(
        status: u16,
        code: Option<&str>,
        message: Option<&str>,
        pause: Option<Duration>,
        budget: Option<Budget>,
    ) -> Self {
        let says = |words: &str| {
            message.is_some_and(|message| message.to_ascii_lowercase().contains(words))
        };
        let refused = status == 429 || code == Some("TOOMANYREQUESTS") || says("throttl");
        let used_up = says("pull rate limit") || budget.is_some_and(|budget| budget.remaining == 0);
        if refused && used_up && !says("hap429") {
            let (shortest, longest) = QUOTA_PAUSE;
            let refill = budget.and_then(|budget| budget.refill());
            let own = refill.unwrap_or(longest).clamp(shortest, longest);
            return Self::Quota {
                pause: pause.unwrap_or(own),
            };
        }
        match status {
            // AWS writes this if one API operation was called too often (quirk 2).
            429 if pause.is_none() && says("rate exceeded") => Self::Operation,
            _ if refused => Self::Rate { pause },
            503 => Self::Rate { pause },
            502 | 504 | 520..=530 => Self::Strain,
            _ => Self::None,
        }
    }
}

/// `Retry-After` in seconds or as a date (RFC 9110 10.2.3).
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER).and_then(read_retry_after)
}

fn read_retry_after(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    let pause = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(text)
            .ok()?
            .duration_since(SystemTime::now())
            .unwrap_or_default(),
    };
    Some(pause.min(MAX_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let read = |text: &str| read_retry_after(&HeaderValue::from_str(text).unwrap());
        assert_eq!(read("7"), Some(Duration::from_secs(7)));
        assert_eq!(read("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert_eq!(read("99999999999"), Some(MAX_PAUSE));
        let in_an_hour = SystemTime::now() + Duration::from_secs(3600);
        let pause = read(&httpdate::fmt_http_date(in_an_hour)).unwrap();
        assert!((3590..=3600).contains(&pause.as_secs()), "{pause:?}");
        assert_eq!(read("soon"), None);
    }

    #[test]
    fn quirk_17_the_budget_of_docker_hub_is_read() {
        let budget = Budget::read(&headers(&[
            ("ratelimit-limit", "100;w=21600"),
            ("ratelimit-remaining", "76;w=21600"),
            ("docker-ratelimit-source", "203.0.113.7"),
        ]));
        let expected = Budget {
            limit: 100,
            remaining: 76,
            window_ms: Some(Millis(21_600_000)),
        };
        assert_eq!(budget, Some(expected));
        assert_eq!(Budget::read(&headers(&[("ratelimit-limit", "x")])), None);
        let no_window = headers(&[("ratelimit-limit", "5"), ("ratelimit-remaining", "0;w=")]);
        assert_eq!(Budget::read(&no_window).unwrap().window_ms, None);
    }

    #[test]
    fn quirk_16_a_used_up_quota_and_too_many_requests_are_told_apart() {
        let budget = Budget {
            limit: 100,
            remaining: 0,
            window_ms: Some(Millis(21_600_000)),
        };
        let quota = "You have reached your pull rate limit. You may increase the limit by...";
        let of = |message, budget| {
            Throttling::of(429, Some("TOOMANYREQUESTS"), Some(message), None, budget)
        };
        let pause = |seconds| Throttling::Quota {
            pause: Duration::from_secs(seconds),
        };
        assert_eq!(of(quota, Some(budget)), pause(216));
        assert_eq!(of(quota, None), pause(900));
        let rate = Throttling::Rate { pause: None };
        assert_eq!(of("Too Many Requests (HAP429).", Some(budget)), rate);
        assert_eq!(of("slow down", None), rate);
    }

    #[test]
    fn quirk_2_a_rate_of_one_operation_is_told_from_that_of_the_registry() {
        let of = |status, message, pause| {
            Throttling::of(status, Some("TOOMANYREQUESTS"), Some(message), pause, None)
        };
        assert_eq!(of(429, "Rate exceeded", None), Throttling::Operation);
        let pause = Some(Duration::from_secs(3));
        let rate = Throttling::Rate { pause };
        assert_eq!(of(429, "Rate exceeded", pause), rate);
        let rate = Throttling::Rate { pause: None };
        assert_eq!(of(429, "Too Many Requests (HAP429).", None), rate);
    }

    #[test]
    fn quirk_38_every_spelling_of_throttling_is_understood() {
        let pause = Some(Duration::from_secs(3));
        let rate = Throttling::Rate { pause };
        let of = |status, code, message| Throttling::of(status, code, message, pause, None);
        assert_eq!(of(429, None, None), rate);
        assert_eq!(of(503, None, None), rate);
        assert_eq!(of(400, Some("TOOMANYREQUESTS"), None), rate);
        assert_eq!(of(400, None, Some("unsupported: Throttled")), rate);
        assert_eq!(of(502, None, None), Throttling::Strain);
        assert_eq!(of(404, Some("NAME_UNKNOWN"), None), Throttling::None);
    }
}
