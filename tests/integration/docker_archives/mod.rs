//! Docker archives and daemons, with real skopeo and podman on the other side.

mod daemon;
pub mod images;
pub mod podman;
mod skopeo;
