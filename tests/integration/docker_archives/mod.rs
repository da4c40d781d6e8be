//! Docker archives and daemons, with real skopeo and podman on the other side.

mod daemon;
mod images;
mod podman;
mod skopeo;
