//! Files that get their names when they are complete.
//!
//! Decides how content becomes durable, not what it is. All functions block on the disk. Invariant: a name outside a
//! staging directory belongs to complete and synced content.

mod durable;
mod staging;

pub(crate) use durable::{copy, found, make_parent, remove, sync_parent};
pub(crate) use staging::{Staged, Staging};
