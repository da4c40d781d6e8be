//! What images are read from and written to: registries, and the stores of this machine.
//!
//! Decides how one image, manifest or blob gets into one store. What is copied, and in which order, is decided in
//! `copy`. Invariant: whoever holds a [`Source`] or a [`Destination`] need not know what kind of store it is.

mod blob_read;
mod byte_counter;
mod converted_source;
mod destination;
mod error;
mod local;
mod open_store;
mod referrers;
mod registry;
mod session_hash;
mod source;
mod source_reader;
mod stores;

pub use blob_read::{BlobRead, BlobStream};
pub use byte_counter::ByteCounter;
pub use destination::{BlobReport, Destination, Holds, PutBlob, PutBlobError, PutManifest, blame};
pub use error::Error;
pub use local::{
    DaemonStore, DirectoryStore, DockerArchiveStore, LayerSpool, LayoutStore, LocalError,
    LocalErrorCause, LocalSettings, OciArchiveStore, lacks_socket,
};
pub use open_store::{Codec, Completion, LayerFormat, OpenStore, StoredImage};
pub use referrers::{referrers, referrers_after};
pub use registry::RegistryImage;
pub use source::{Referrers, Selector, Source, Uncompressed};
pub use source_reader::SourceReader;
pub use stores::{Finished, Stores};
