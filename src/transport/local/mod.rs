//! The stores of this machine: layouts, archives, directories, daemons.
//!
//! Decides how each format is read and written. Invariant: what a hostile archive says decides nothing outside of it, and
//! nothing incomplete has its final name.

mod archive_file;
mod blob_writer;
mod blocking;
mod daemon;
mod directory;
mod directory_lock;
mod docker_archive;
mod error;
mod image_name;
mod layers;
mod layout;
mod manifest_file;
mod oci_archive;
mod open;
#[cfg(test)]
mod proptests;
mod receive;
mod section;
mod section_stream;
mod store_files;
mod tar_index;

pub use daemon::{DaemonStore, lacks_socket};
pub use directory::DirectoryStore;
pub use docker_archive::DockerArchiveStore;
pub use error::{LocalError, LocalErrorCause};
pub use layers::LayerSpool;
pub use layout::LayoutStore;
pub use oci_archive::OciArchiveStore;
pub use open::LocalSettings;
pub(super) use open::open_local;
