//! Finds the tags of a destination that no image of a list has, and plans their deletion.
//!
//! Decides which tags are stale; `delete` decides how they are deleted. Invariant: a plan deletes nothing that an image of
//! the list needs, also where a registry deletes tags only with their manifest.

mod kept;
mod plan;

pub use kept::KeptImages;
pub use plan::{Plan, plan};
