//! Runs skopeo for images that it must copy, and reads its progress.
//!
//! Decides how skopeo is found, started and ended, and what its output means; `run` decides which images it copies.
//! Invariant: no secret is an argument or an environment variable of a process.

mod failure;
mod output;
mod progress;
mod redaction;

pub use failure::{Sides, classify};
pub use output::{BlobName, BlobState, OutputEvent, OutputParser, Step};
pub use progress::{Progress, ProgressTracker};
