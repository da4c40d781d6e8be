//! Registries as sources and destinations.
//!
//! Decides how a blob gets into a repository with as few bytes and requests as the protocol allows. Invariant: what is
//! committed was hashed in the session it is committed in.

mod image;
mod new_repositories;
mod open_registry;
mod open_sessions;
mod put_blob;
mod resume_budget;
mod stall_watchdog;
mod suspended_uploads;
mod transfer;
mod upload;
mod upload_body;
mod upload_sender;

pub use image::RegistryImage;
pub(super) use open_registry::OpenRegistry;
