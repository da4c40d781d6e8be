//! The browser: repositories, tags, and what an image is, of both sides of a migration.
//!
//! A part of the model: `update` changes it for keys, answers and sizes, and [`draw`] shows it over the
//! whole screen. Invariant: what the open panes show decides what is read, so nothing is read twice and
//! nothing blocks; registries are asked only by whoever carries out `Effect::Load`.

mod act;
mod cache;
mod chooser;
mod comparing;
mod detail;
mod document;
pub mod keys;
mod layout;
mod model;
mod raw;
mod tree;
mod update;
mod view;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;

pub use cache::{Cache, Ticket};
pub use model::{Browser, Pair, Start};
pub use update::{loaded, pressed, resized};
pub use view::draw;
