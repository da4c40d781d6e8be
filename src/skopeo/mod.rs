//! Runs skopeo for images that it must copy, and reads its progress.
//!
//! Decides how skopeo is found, started and ended, and what its output means; `run` decides which images it copies.
//! Invariant: no secret is an argument or an environment variable of a process.
//!
//! Skopeo runs in a service container or on this machine, whichever works, in the order of the settings:
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use transship::skopeo::{CopyRequest, ImageRequest, Login, RegistryAccess, Settings, Skopeo};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let skopeo = Skopeo::open(Settings::of_environment()).await?;
//! println!("{}", skopeo.description());
//!
//! let harbor = RegistryAccess {
//!     login: Some(Login {
//!         username: "robot".into(),
//!         password: std::fs::read_to_string("password")?.trim().into(),
//!     }),
//!     ..RegistryAccess::anonymous("harbor.example".parse()?)
//! };
//! let request = CopyRequest {
//!     access: vec![harbor.clone()],
//!     timeout: Some(Duration::from_secs(30 * 60)),
//!     ..CopyRequest::new(
//!         "docker-archive:app.tar".parse()?,
//!         "harbor.example/project/app:1".parse()?,
//!     )
//! };
//! // Dropping the future ends skopeo, also inside the container.
//! let copied = skopeo
//!     .copy(&request, &mut |event| println!("{event:?}"))
//!     .await?;
//! println!("copied {:?}", copied.digest);
//!
//! let image = ImageRequest {
//!     access: vec![harbor],
//!     ..ImageRequest::new(request.destination)
//! };
//! println!("{}", skopeo.inspect(&image).await?["Architecture"]);
//! println!("{}", skopeo.manifest_digest(&image).await?);
//! skopeo.delete(&image).await?;
//! # Ok(())
//! # }
//! ```

mod access;
mod archive;
mod arguments;
mod client;
mod container;
mod copy_output;
mod error;
mod failure;
#[cfg(all(test, unix))]
mod fake_runtime;
mod local;
mod method;
mod output;
mod private_files;
mod probe;
mod progress;
mod redaction;
mod request;
mod runtime;
mod scratch;
mod search_path;
mod service;
mod settings;
mod shared;
mod store_locks;

pub use access::{Certificate, Login, RegistryAccess};
pub use client::{MethodCheck, Skopeo};
pub use error::{NoMethod, SkopeoError, Unusable};
pub use failure::{Sides, classify};
pub use output::{BlobName, BlobState, OutputEvent, OutputParser, Step};
pub use progress::{Progress, ProgressTracker};
pub use request::{Copied, CopyRequest, ImageRequest};
pub use service::{ServiceStart, start_service};
pub use settings::{MethodKind, Runtime, Settings, SharedDirectory};
