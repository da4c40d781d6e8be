//! Images from one registry to another: between real ones through the real binary, and what each step costs.

mod content;
mod copier;
mod floor;
mod real;
