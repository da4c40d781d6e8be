//! Runs a batch: one loop decides, workers copy, everyone else watches.
//!
//! Decides who starts when, what a failure leads to, and in which order the journal, the board and the
//! front ends learn of it; how an image is copied is below, how it looks is above. Invariant: the
//! dispatcher is the only writer of truth, and every event passes journal, board and observers in that order.

mod dispatcher;
mod in_flight;
mod inputs;
mod last_write;
mod observer;
mod options;
mod scheduler;
mod worker;

pub use dispatcher::Dispatcher;
pub use inputs::{Inputs, Signal};
pub use observer::Observer;
pub use options::{Batch, Options, Review};
pub use scheduler::RetryPolicy;
