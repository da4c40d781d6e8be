//! Why skopeo failed, in the terms of every other failure: side, class, sentence, hint.
//!
//! Decides from skopeo's own words, since its exit codes differ between versions and say less. Invariant: a failure
//! holds no secret that skopeo printed.

mod classify;
mod kind;
mod message;
mod side;

pub use classify::classify;
pub use side::Sides;
