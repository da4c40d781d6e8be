//! Images from one registry to another: real registries and the real binary, and the requests of each step.

mod content;
mod copier;
mod floor;
mod real;
