//! The terminal user interface: shows a batch and controls it, and browses registries.
//!
//! A batch of few images is shown in a few lines instead (`inline`).
//!
//! `update(&mut Model, Msg) -> Vec<Effect>` is pure, `view(&Model, frame)` draws, and `app` does all I/O. Invariant: the
//! interface only reads events and sends commands; a batch runs the same without it.

mod actions;
mod app;
mod areas;
mod bindings;
pub mod browse;
mod browser_overlay;
mod columns;
mod config;
mod detail;
mod failures;
#[cfg(test)]
mod fixtures;
mod help;
mod images;
mod inline;
mod key_press;
pub mod keymap;
mod layout;
mod log;
mod marks;
mod model;
mod names;
mod notice;
mod offscreen;
mod options;
mod palette;
mod panic_messages;
#[cfg(test)]
mod picture;
#[cfg(test)]
mod proptests;
mod registries;
mod rows;
mod scroll;
mod sort;
mod status_filter;
mod terminal;
mod text_filter;
mod theme;
mod typed_words;
mod update;
mod view;

pub use app::{BatchHandle, Ended, Loader, WriteList, WriteMarks, run, run_browser};
pub use config::{Config, ConfigMistake};
pub use inline::{can_draw_inline, run_inline};
pub use offscreen::OffscreenTui;
pub use options::{OnFinish, Options};
pub use terminal::{check_terminal, is_dumb};
pub use theme::Theme;
