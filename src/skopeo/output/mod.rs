//! What skopeo prints while it copies, as events.
//!
//! Decides what a line means, for skopeo 1.9 and later, on a terminal and on a pipe. Invariants: the events depend on the
//! bytes alone, not on how they arrive in pieces; memory is bounded whatever is printed.

mod event;
mod line;
mod line_splitter;
mod parser;
mod size;
#[cfg(test)]
mod tests;

pub use event::{BlobName, BlobState, OutputEvent, Step};
pub(super) use line_splitter::LineSplitter;
pub use parser::OutputParser;
