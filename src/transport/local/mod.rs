//! The stores of this machine: layouts, archives, directories, daemons.
//!
//! Decides how each format is read and written. Invariant: what a hostile archive says decides nothing outside of it, and
//! nothing incomplete has its final name.

mod error;

pub use error::{LocalError, LocalErrorCause};
