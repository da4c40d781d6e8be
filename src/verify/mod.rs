//! Compares images at their destination with what they were made from, and says what differs.
//!
//! Decides what belongs to an image and what "the same" means; writes nothing anywhere. Invariants: what is called
//! the same was asked of both registries just now, never taken from the journal; a question that was not answered is
//! a difference or an error, never agreement.

mod attached;
mod difference;
mod image;
mod tree;

pub use difference::{Difference, Findings, Note, Part, VerifyError};
pub use image::{Depth, Verifier};
