//! Container daemons with Docker's API: `docker-daemon:`, and `containers-storage:` through podman.
//!
//! Decides how images get out of a daemon and into it: as Docker archives. Invariant: nothing is loaded before all images
//! of the batch are complete.

mod address;
mod connection;
mod export;
mod load;
mod store;

pub use address::lacks_socket;
pub use store::DaemonStore;
