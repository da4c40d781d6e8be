//! Deletes images from registries and layouts.
//!
//! Decides what each deletion is, and what else it hits; whether it may happen is decided by the caller. Invariant: to
//! plan deletes nothing, and a plan names every tag that goes with a manifest.

mod deletion;
mod error;
mod local_store;
mod plan;
mod planner;
mod repository;
mod sharing;
mod support;

pub use deletion::delete;
pub use error::Error;
pub use plan::{Deletion, Plan, Problem, Sharing, Way};
pub use planner::plan;
pub use support::deletes_tags_alone;
