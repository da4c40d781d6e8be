//! The embedded registry: OCI distribution-spec 1.1 over a directory.
//!
//! Serves real clients (`transship serve`), the demo and the tests. Its fault script is only for tests and the demo. It
//! does not depend on how this program copies. Invariant: content that was answered with 201 is stored completely.

mod access_log;
mod auth;
mod connection;
mod connections;
mod credentials;
mod errors;
mod fault_body;
mod faults;
mod htpasswd;
mod image_builder;
mod options;
mod passwords;
mod paths;
mod pipeline;
mod referrers;
mod responses;
mod routes;
mod scopes;
mod server;
mod service;
mod slow_client;
mod store;
mod throttle;
mod tls;
mod tokens;
mod upload;
mod uploads;

pub use access_log::{AccessEntry, AccessLog};
pub use auth::Auth;
pub use connections::ConnectionLimits;
pub use credentials::{Credentials, TokenAuth};
pub use faults::{Action, ActiveFault, Fault, Faults, OddLocation};
pub use htpasswd::{Htpasswd, HtpasswdError};
pub use image_builder::ImageBuilder;
pub use options::{Access, MissingContent, Options};
pub use server::{ServeError, Server};
pub use store::{Store, StoredManifest};
pub use tls::{Tls, TlsError};
pub use uploads::UploadLimits;
