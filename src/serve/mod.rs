//! The embedded registry: OCI distribution-spec 1.1 over a directory.
//!
//! Serves real clients (`transship serve`), the demo and the tests. Behind it stands a fault script
//! that only tests and the demo use. Knows nothing of how this program copies. Invariant: what a client
//! was told is stored, is stored whole.

mod access_log;
mod auth;
mod errors;
mod estate;
mod faults;
mod paths;
mod referrers;
mod routes;
mod scopes;
mod server;
mod shaped;
mod store;
mod throttle;
mod tokens;
mod uploads;
mod wire;

pub use access_log::{AccessEntry, AccessLog};
pub use auth::{Auth, Credentials, TokenAuth};
pub use estate::Estate;
pub use faults::{Action, ActiveFault, Fault, Faults, OddLocation};
pub use server::{Access, Options, ServeError, Server};
pub use store::{Store, StoredManifest};
