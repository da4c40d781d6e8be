//! Copies one image from a registry to another with as few bytes and requests as the protocol allows.
//!
//! Decides what has to move and in which order; when to start, when to try again and what to tell whom is
//! decided above. Invariant: a tag is written last, after everything below it is known to be there, and
//! every byte that is sent was hashed against its digest.

mod attached;
mod claims;
mod create;
mod engine;
mod error;
mod feed;
mod graph;
mod image;
mod ladder;
mod open_sessions;
mod outline;
mod plan;
mod report;
mod session_hash;
mod site;
mod survey;
mod suspended;
mod transfer;
mod writing;

pub use create::CreateFailure;
pub use engine::{Done, Engine, Order};
pub use error::{CopyError, Side};
pub use report::{FoundBlob, FoundManifest, How, ImageId, Meter, Report};
pub use survey::Surveyed;
