//! Compares images at their destination with their source.
//!
//! Decides what belongs to an image and when two are the same; writes nothing. Invariant: both stores are read, the
//! journal is not; a store that does not answer is a difference or an error.

mod attachments;
mod depth;
mod destination_tree;
mod difference;
mod identity;
mod image;
mod side;
mod signatures;
mod sound_blobs;

pub use depth::Depth;
pub use difference::{Difference, Findings, Note, Part, VerifyError};
pub use image::Verifier;
