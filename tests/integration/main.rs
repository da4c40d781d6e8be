//! Everything that needs more than one layer, a socket, a terminal or a real program. One crate, so that it
//! links once; one module per topic.

mod air_gap;
mod architecture;
mod auth;
mod breaker;
mod command_line;
mod copy;
mod cutting_proxy;
mod docker_archives;
mod docker_registry;
mod embedded;
mod existing_tags;
mod fixture;
mod full_disk;
mod inspect;
mod installed;
mod journal;
mod kill;

mod list_patterns;
mod lists_of_others;
mod login;
mod matrix;
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
mod sample_images;
mod sample_lists;
mod serve;
mod silence;
mod skopeo;
mod skopeo_lists;
mod terminal;
mod transports;
mod verify;
mod whole_image;
mod wire;
