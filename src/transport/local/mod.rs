//! The stores of this machine: layouts, archives, directories, daemons.
//!
//! Decides how each format is read and written. Invariant: what a hostile archive says decides nothing outside of it, and
//! nothing incomplete has its final name.

mod error;
mod open;

pub use error::{LocalError, LocalErrorCause};
pub use open::LocalSettings;
pub(super) use open::open_local;
