//! Everything that needs more than one layer, a socket, a terminal or a real program. One crate, so that it
//! links once; one module per topic.

mod auth;
mod breaker;
mod command_line;
mod docker_registry;
mod embedded;
mod fleet;
mod full_disk;
mod inspect;
mod installed;
mod journal;
mod kill;
mod knife;
mod layers;
mod login;
mod migrate;
mod operator;
mod operators;
mod outage;
mod postgres;
mod quirks;
mod readme;
mod remedies;
mod requests;
mod resilience;
mod review;
mod sample_lists;
mod scene;
mod serve;
mod skopeo;
mod terminal;
mod verify;
mod whole_image;
mod wire;
