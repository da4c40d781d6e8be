//! The stores of this machine: layouts, archives, directories, daemons.
//!
//! Decides how each format is read and written. Invariant: what a hostile archive says decides nothing outside of it, and
//! nothing incomplete has its final name.

mod archive_file;
mod error;
mod section;
mod store_files;
mod tar_index;

pub use error::{LocalError, LocalErrorCause};
