//! Everything that needs more than one layer, a socket, a terminal or a real program. One crate, so that it
//! links once; one module per topic.

mod docker_registry;
mod embedded;
mod fleet;
mod inspect;
mod installed;
mod journal;
mod kill;
mod layers;
mod migrate;
mod operator;
mod postgres;
mod readme;
mod requests;
mod sample_lists;
mod serve;
mod skopeo;
mod terminal;
