//! What the scheduler asks the dispatcher to do.
//!
//! Decides nothing. Invariant: the board changes only by the events among them.

use std::time::Duration;

use crate::{
    batch::{Attempt, Event, JobId, RegistryLimit, StopReason},
    oci::Store,
};

#[derive(Clone, Debug, PartialEq)]
pub(in crate::run) enum Decision {
    Emit(Event),
    /// Stop the worker of this job; its further messages are ignored.
    Cancel(JobId),
    WakeAt(JobId, Attempt, Duration),
    SetLimit(Store, RegistryLimit),
    /// The batch ends once nothing runs any more.
    End(StopReason),
}
