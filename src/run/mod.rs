//! Runs a batch: one loop decides, workers copy, observers see events.
//!
//! Decides which image starts when and what follows a failure; `copy` decides how an image is copied, front ends how
//! it is shown. Invariant: only the dispatcher emits events, and every event passes journal, board and observers in
//! that order.

mod dispatcher;
mod engines;
mod finishing;
mod held_groups;
mod in_flight;
mod inputs;
mod last_write;
mod observer;
mod options;
mod scheduler;
mod skopeo_copy;
mod skopeo_engine;
mod skopeo_plan;
mod skopeo_progress;
mod worker;

pub use dispatcher::Dispatcher;
pub use inputs::{Inputs, Signal};
pub use observer::Observer;
pub use options::{Batch, Options, Review};
pub use scheduler::RetryPolicy;
pub use skopeo_engine::{AccessSource, SkopeoEngine};
