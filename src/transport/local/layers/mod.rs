//! Layers of Docker's formats: plain there, compressed elsewhere.
//!
//! Decides how layers are compressed and decompressed. Invariant: the bytes of a layer are checked against its diff id on
//! the way.

mod compression;
mod decompression;
mod free_space;
mod spool;

pub(super) use decompression::{PlainLayer, decompress};
pub(super) use spool::CompressedLayer;
pub use spool::LayerSpool;
