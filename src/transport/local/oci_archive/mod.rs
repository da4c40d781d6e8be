//! An OCI image layout in one tar file: `oci-archive:`.
//!
//! Decides how an archive is written in steps that survive a kill. Invariant: a file under the name of the archive is
//! complete.

mod names;
mod pack;
mod partial_tar;
mod store;
mod working;

pub use store::OciArchiveStore;
