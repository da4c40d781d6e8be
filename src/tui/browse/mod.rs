//! The browser: repositories, tags, and what an image is, of both sides of a migration.
//!
//! `update(&mut Browser, Msg) -> Vec<Effect>` is pure, [`view`] draws, and [`run`] alone does I/O when the
//! browser has the terminal for itself; inside another screen that one passes keys and answers on.
//! Invariant: what the open panes show decides what is read, so nothing is read twice and nothing blocks;
//! registries are asked only by whoever carries out [`Effect::Load`].

mod act;
mod app;
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

pub use app::{Loader, run};
pub use cache::{Cache, Ticket};
pub use model::{Browser, Effect, Msg, Pair, Start};
pub use update::update;
pub use view::{draw, view};
