//! The terminal: an operator sees the batch and steers it.
//!
//! `update(&mut Model, Msg) -> Vec<Effect>` is pure, `view(&Model, frame)` draws, and `app` alone does
//! I/O, for a batch with the browser over it and for the browser alone. Invariant: the screen shows only
//! what events and registries said, and keys only send commands; the batch goes on the same without it.

mod actions;
#[cfg(test)]
mod any_order;
mod app;
pub mod browse;
mod browser_overlay;
mod causes;
mod columns;
mod config;
mod detail;
mod dispatch;
#[cfg(test)]
mod fixtures;
mod help;
mod images;
mod keymap;
pub mod keys;
mod layout;
mod log;
mod meter;
mod model;
mod names;
mod options;
mod order;
mod palette;
#[cfg(test)]
mod picture;
mod registries;
mod stage;
mod terminal;
mod theme;
mod typed_words;
mod update;
mod view;

pub use app::{Ended, Feed, Loader, WriteList, run, run_browser};
pub use config::{Config, ConfigMistake};
pub use options::{OnFinish, Options};
pub use stage::Stage;
pub use terminal::check_terminal;
pub use theme::Theme;
