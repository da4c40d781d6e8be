//! What `docker save` writes and `docker load` reads.
//!
//! Decides how images are found in such an archive and how one is made. Invariant: configs stay byte for byte, because
//! their digests are the ids of the images.

mod destination;
mod docker_manifest;
#[cfg(test)]
mod fixtures;
mod image_list;
mod inner_layout;
mod open_image;
mod partial_tar;
mod reader;
mod source;
mod store;
#[cfg(test)]
mod tests;
mod work_directory;
mod writer;

pub(super) use destination::WrittenImage;
pub(super) use open_image::open_image;
pub(super) use reader::ArchiveReader;
pub use store::DockerArchiveStore;
pub(super) use writer::ArchiveWriter;
