//! Tests of the browser: behaviour, and snapshots.

mod behaviour;
mod pictures;
mod registries;
