//! A batch of few images in a few lines of the terminal, below what was printed before.
//!
//! Lines about what has ended go into the scrollback; the lines in place show what moves. Invariant: nothing here reads
//! keys. Ctrl-C and ctrl-z are signals, as for any other program.

mod app;
mod blob_speeds;
mod echo;
mod model;
mod scroll_line;
mod terminal;
#[cfg(test)]
mod tests;
mod tracking_backend;
mod view;
mod viewport;

pub use app::run_inline;
pub use terminal::can_draw_inline;
