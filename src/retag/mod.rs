//! Gives an image further tags in its repository, or further names in its layout.
//!
//! Decides which tags change, and what they named before; whether that may happen is decided by the caller. Invariant:
//! no blob moves, and to plan writes nothing.

mod error;
mod plan;

pub use error::Error;
pub use plan::{NewTag, Plan};
