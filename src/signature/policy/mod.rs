//! Which images a signature policy accepts (containers-policy.json(5)).
//!
//! Decides nothing here. Invariant: what a policy asks for and what cannot be checked is a refusal, never an acceptance.

mod evaluation;
mod identity;
mod image;
mod json;
mod key_data;
mod parse;
mod requirement;
mod rules;

pub use evaluation::{CosignEvidence, Evidence, SimpleEvidence, check_requirements};
pub use image::PolicyImage;
pub use key_data::ReadKey;
pub use parse::{PolicyMistake, parse_policy};
pub use requirement::Requirement;
pub use rules::{Policy, Rule};
