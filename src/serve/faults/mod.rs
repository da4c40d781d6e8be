//! The fault script: makes this registry misbehave as real ones do, for tests and the demo.
//!
//! A [`Fault`] says which requests it is for, how many of them, and what [`Action`] happens to them. Invariant: without
//! a fault the registry keeps to the spec.

mod action;
mod active_fault;
mod apply;
mod fault;
mod script;

pub use action::{Action, OddLocation};
pub use active_fault::ActiveFault;
pub(crate) use active_fault::Effect;
pub(crate) use apply::AppliedFaults;
pub use fault::Fault;
pub use script::Faults;
