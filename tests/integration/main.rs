//! Everything that needs more than one layer, a socket, a terminal or a real program. One crate, so that it
//! links once; one module per topic.

mod auth;
mod journal;
mod layers;
mod postgres;
mod quirks;
mod readme;
mod sample_lists;
mod serve;
