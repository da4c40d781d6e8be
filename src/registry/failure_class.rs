//! The classes of failures. The class alone decides whether a request is retried.

use std::time::Duration;

/// What the failure says about trying again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureClass {
    Transient { retry_after: Option<Duration> },
    Auth,
    NotFound,
    Rejected,
    Corrupt,
    Internal,
}
