//! The browser's behaviour, and its pictures.

mod behaviour;
mod pictures;
mod registries;
