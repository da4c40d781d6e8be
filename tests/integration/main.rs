//! What the parts do together, and what the real programs around them say to it. One test crate, one file per
//! topic.

mod journal;
mod postgres;
