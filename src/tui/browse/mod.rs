//! The browser: repositories, tags and the content of images, of both sides of a migration.
//!
//! A part of the model, changed by the functions of `update` and drawn by [`draw`]. Invariant: it does no I/O. What the
//! open panes show decides what `Effect::Load` asks for, and nothing is asked for twice.

mod actions;
mod cache;
mod chooser;
mod comparison;
mod detail;
mod document;
mod filtering;
pub mod keymap;
mod layout;
mod marks;
mod model;
mod raw;
mod requests;
mod tree;
mod update;
mod view;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;

pub use cache::{Cache, Ticket};
pub use marks::{Mark, MarkedList, WriteMarksError};
pub use model::{Browser, Pair, Start};
pub use update::{act, apply, apply_input, apply_written, resize};
pub use view::draw;
