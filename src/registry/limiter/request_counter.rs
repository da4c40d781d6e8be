//! Counts the requests of one registry by method and status, and the times of its answers.
//!
//! Decides the buckets. Invariant: counting takes no lock, and allocates only for the first request.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use reqwest::{Method, StatusCode};

use crate::batch::{AnswerTimes, RequestCount, RequestCounts};

/// The upper bounds of the buckets of answer times, in seconds.
const BOUNDS: [f64; 13] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];
const METHODS: [(Method, &str); 6] = [
    (Method::GET, "GET"),
    (Method::HEAD, "HEAD"),
    (Method::PUT, "PUT"),
    (Method::POST, "POST"),
    (Method::PATCH, "PATCH"),
    (Method::DELETE, "DELETE"),
];
const FIRST_STATUS: u16 = 100;
const LAST_STATUS: u16 = 599;
/// One for each status, and one for requests without an answer.
const OUTCOMES: usize = (LAST_STATUS - FIRST_STATUS + 2) as usize;

#[derive(Debug, Default)]
pub(in crate::registry) struct RequestCounter {
    /// By method, then by outcome. Most stores are no registries and have none.
    outcomes: OnceLock<Box<[AtomicU64]>>,
    answer_times: [AtomicU64; BOUNDS.len() + 1],
    /// The sum of the answer times.
    microseconds: AtomicU64,
    throttling_pauses: AtomicU64,
}

impl RequestCounter {
    /// Counts an answer. `elapsed` is absent if it waited for a streamed body.
    pub(in crate::registry) fn answered(
        &self,
        method: &Method,
        status: StatusCode,
        elapsed: Option<Duration>,
    ) {
        let status = status.as_u16().clamp(FIRST_STATUS, LAST_STATUS);
        self.count(method, usize::from(status - FIRST_STATUS));
        if let Some(elapsed) = elapsed {
            let seconds = elapsed.as_secs_f64();
            let bucket = BOUNDS.iter().position(|bound| seconds <= *bound);
            self.answer_times[bucket.unwrap_or(BOUNDS.len())].fetch_add(1, Relaxed);
            let microseconds = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
            self.microseconds.fetch_add(microseconds, Relaxed);
        }
    }

    /// Counts a request without an answer.
    pub(in crate::registry) fn unanswered(&self, method: &Method) {
        self.count(method, OUTCOMES - 1);
    }

    pub(super) fn throttling_began(&self) {
        self.throttling_pauses.fetch_add(1, Relaxed);
    }

    fn count(&self, method: &Method, outcome: usize) {
        let Some(method) = METHODS.iter().position(|(known, _)| known == method) else {
            return;
        };
        let outcomes = self.outcomes.get_or_init(|| {
            let zeros = (0..METHODS.len() * OUTCOMES).map(|_| AtomicU64::new(0));
            zeros.collect()
        });
        outcomes[method * OUTCOMES + outcome].fetch_add(1, Relaxed);
    }

    pub(super) fn counts(&self) -> RequestCounts {
        RequestCounts {
            answered: self.answered_counts(),
            answer_times: self.answer_times(),
            throttling_pauses: self.throttling_pauses.load(Relaxed),
        }
    }

    fn answered_counts(&self) -> Vec<RequestCount> {
        let Some(outcomes) = self.outcomes.get() else {
            return Vec::new();
        };
        let by_method = METHODS.iter().zip(outcomes.chunks(OUTCOMES));
        let counts = by_method.flat_map(|((_, method), outcomes)| {
            let statuses = (FIRST_STATUS..=LAST_STATUS).map(Some).chain([None]);
            statuses
                .zip(outcomes)
                .map(move |(status, count)| RequestCount {
                    method,
                    status,
                    count: count.load(Relaxed),
                })
        });
        counts.filter(|count| count.count > 0).collect()
    }

    fn answer_times(&self) -> AnswerTimes {
        let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
        let counts = self.answer_times.iter().map(|count| count.load(Relaxed));
        AnswerTimes {
            buckets: bounds.zip(counts).collect(),
            // Microseconds of answers are far below what an f64 counts exactly.
            sum: self.microseconds.load(Relaxed) as f64 / 1e6,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_method_and_outcome_and_only_prompt_answers_by_time() {
        let counter = RequestCounter::default();
        assert_eq!(counter.counts().answered, []);
        let soon = Some(Duration::from_millis(20));
        counter.answered(&Method::GET, StatusCode::OK, soon);
        counter.answered(&Method::GET, StatusCode::OK, Some(Duration::from_secs(100)));
        counter.answered(&Method::PUT, StatusCode::CREATED, None);
        counter.answered(&Method::GET, StatusCode::from_u16(999).unwrap(), soon);
        counter.unanswered(&Method::DELETE);
        counter.unanswered(&Method::TRACE);
        let counts = counter.counts();
        let mut answered: Vec<_> = (counts.answered.iter())
            .map(|count| (count.method, count.status, count.count))
            .collect();
        answered.sort_unstable();
        let expected = [
            ("DELETE", None, 1),
            ("GET", Some(200), 2),
            ("GET", Some(599), 1),
            ("PUT", Some(201), 1),
        ];
        assert_eq!(answered, expected);
        let times = counts.answer_times;
        let filled: Vec<_> = times.buckets.iter().filter(|(_, n)| *n > 0).collect();
        assert_eq!(filled, [&(0.025, 2), &(f64::INFINITY, 1)]);
        assert!((times.sum - 100.04).abs() < 1e-6, "{}", times.sum);
    }
}
