//! An OCI image layout (image-spec image-layout.md): `oci:`.
//!
//! Decides how images are kept in a layout. Invariant: a layout that another tool reads at any moment is valid.

mod image;
mod index;
mod index_file;
mod reader;
mod store;
mod writer;

pub(super) use image::{LayoutImage, ReadOnly};
pub(super) use index::Index;
pub(super) use index_file::INDEX;
pub(super) use reader::{Layout, MARKER, blob_name};
pub use store::LayoutStore;
pub(super) use writer::{LayoutWriter, prepare};
