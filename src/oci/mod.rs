//! References, digests, media types, descriptors, manifests, platforms.
//!
//! Decides how these are parsed and written. Does no I/O and knows nothing of HTTP, lists or batches. Invariant: a value
//! of these types is valid; text is checked once, when it is parsed.

mod attachments;
mod compression;
mod conversion;
mod copy_engine;
mod copy_spec;
mod descriptor;
mod digest;
mod group_name;
mod location;
mod manifest;
mod manifest_format;
mod media_type;
mod names;
mod on_existing;
mod platform;
#[cfg(test)]
mod proptests;
mod reference;
mod reference_error;
mod required_keys;
mod scan;
mod signatures;
mod store;

pub use attachments::Attachments;
pub use compression::Compression;
pub use conversion::ConversionError;
pub use copy_engine::CopyEngine;
pub use copy_spec::CopySpec;
pub use descriptor::Descriptor;
pub use digest::{Digest, DigestError, Hasher};
pub use group_name::{GroupName, GroupNameError};
pub use location::{
    LocalImage, Location, LocationError, LocationProblem, PartialLocation, StoredName,
};
pub use manifest::{Manifest, ManifestContent, ManifestError, listed_descriptors};
pub use manifest_format::ManifestFormat;
pub use media_type::MediaType;
pub use names::{DOCKER_HUB, Registry, Repository, Tag};
pub use on_existing::OnExisting;
pub use platform::{Platform, PlatformError};
pub use reference::{PartialReference, Reference, Version};
pub use reference_error::{ReferenceError, ReferenceProblem};
pub use required_keys::RequiredKeys;
pub use signatures::{MergedSignatures, Signatures};
pub use store::{LocalStore, Store, Transport};
