//! Puts tags back to what they named before a batch wrote them.
//!
//! Decides for each tag of a rollback file what is done with it; whether that may happen is decided by the caller.
//! Invariants: to plan changes nothing, and a tag that meanwhile names a third image is left alone.

mod error;
mod plan;
mod planner;
mod restoration;

pub use error::Error;
pub use plan::{Plan, PlannedTag, Step, WhyLeft};
pub use planner::plan;
pub use restoration::roll_back;
