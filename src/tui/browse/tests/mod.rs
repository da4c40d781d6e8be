//! Tests of the browser: behaviour, and snapshots.

mod behaviour;
mod marking;
mod pictures;
mod registries;
