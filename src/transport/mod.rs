//! What images are read from and written to: registries, and the stores of this machine.
//!
//! Decides how one image, manifest or blob gets into one store. What is copied, and in which order, is decided in
//! `copy`. Invariant: whoever holds a [`Source`] or a [`Destination`] need not know what kind of store it is.

mod blob_read;
mod destination;
mod error;
mod local;
mod open_store;
mod source;

pub use blob_read::{BlobRead, BlobStream};
pub use destination::{
    BlobReport, ByteCounter, Destination, Holds, PutBlob, PutBlobError, PutManifest,
};
pub use error::Error;
pub use local::{
    DaemonStore, DirectoryStore, DockerArchiveStore, LayerSpool, LayoutStore, LocalError,
    LocalErrorCause, OciArchiveStore,
};
pub use open_store::{Compression, LayerFormat, OpenStore, StoredImage};
pub use source::{Referrers, Selector, Source};
