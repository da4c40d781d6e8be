//! The terminal: an operator sees the batch and steers it.
//!
//! `update(&mut Model, Msg) -> Vec<Effect>` is pure, `view(&Model, frame)` draws, and `app` alone does
//! I/O, for a batch with the browser over it and for the browser alone. Invariant: the screen shows only
//! what events and registries said, and keys only send commands; the batch goes on the same without it.

mod actions;
mod app;
mod bindings;
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
pub mod keymap;
mod layout;
mod log;
mod model;
mod names;
mod offscreen;
mod options;
mod order;
mod palette;
#[cfg(test)]
mod picture;
#[cfg(test)]
mod proptests;
mod registries;
mod terminal;
mod theme;
mod typed_words;
mod update;
mod view;

pub use app::{BatchHandle, Ended, Loader, WriteList, run, run_browser};
pub use config::{Config, ConfigMistake};
pub use offscreen::OffscreenTui;
pub use options::{OnFinish, Options};
pub use terminal::check_terminal;
pub use theme::Theme;
