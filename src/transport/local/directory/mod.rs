//! One image's files in one directory, for people to look at and change: `dir:`.
//!
//! ```text
//! version                 "Directory Transport Version: 1.1"
//! manifest.json           the image's manifest or index, byte for byte
//! HEX.manifest.json       another manifest: a child of the index, or one that refers to the image
//! HEX                     a blob
//! signature-N             a simple signature of the image; not read and not changed
//! ```
//!
//! Decides which file holds what. Invariant: `manifest.json` is written last, so it names only what is there.

mod files;
mod image;
mod listing;
mod reader;
mod store;
mod writer;

pub use store::DirectoryStore;
