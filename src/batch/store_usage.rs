//! How a store was used since the program started: its status, its requests and their answers.
//!
//! Invariant: counts never go back while the program runs.

use super::RegistryStatus;

/// One store at this moment.
#[derive(Clone, Debug, PartialEq)]
pub struct StoreUsage {
    pub status: RegistryStatus,
    pub requests: RequestCounts,
}

/// The requests of one registry; nothing for a store of this machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestCounts {
    /// In no order; none has the count 0.
    pub answered: Vec<RequestCount>,
    pub answer_times: AnswerTimes,
    /// Pauses that began because the registry throttles.
    pub throttling_pauses: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestCount {
    pub method: &'static str,
    /// From 100 to 599; absent if no answer came.
    pub status: Option<u16>,
    pub count: u64,
}

/// A histogram of the times until the headers of answers came. Requests with a streamed body are not in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AnswerTimes {
    /// The upper bound of each bucket in seconds, and the answers in it alone. The last bound is infinite.
    pub buckets: Vec<(f64, u64)>,
    /// The sum of all times, in seconds.
    pub sum: f64,
}
