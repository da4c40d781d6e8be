//! Runs skopeo for images that it must copy, and reads its progress.
//!
//! Decides how skopeo is found, started and ended, and what its output means; `run` decides which images it copies.
//! Invariant: no secret is an argument or an environment variable of a process.

mod access;
mod client;
mod error;
mod failure;
mod output;
mod settings;

pub use access::{Certificate, Login, RegistryAccess};
pub use client::{Copied, CopyRequest, ImageRequest, Skopeo};
pub use error::{NoMethod, SkopeoError, Unusable};
pub use output::{OutputEvent, OutputParser};
pub use settings::{MethodKind, Runtime, Settings, SharedDirectory};
