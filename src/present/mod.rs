//! Words the front ends share: amounts, states, failures, sentences, the summary, and safe, fitting text.
//!
//! Decides what is said; where it appears and in which colour is up to each front end. Invariant: whatever
//! comes from a registry or a list leaves here through [`plain`], so it cannot steer a terminal.

mod amounts;
mod causes;
mod commands;
mod failures;
mod fitting;
mod glyphs;
mod media_types;
mod plain;
mod plan;
mod sentences;
mod states;
mod summary;

pub use amounts::{bytes, clock, count, duration, percent, rate};
pub use causes::{Cause, Group, causes};
pub use commands::{Commands, command};
pub use failures::{failure, last_failure, next_attempt, remedy, retry};
pub use fitting::{skip, width, wrap};
pub use glyphs::Glyphs;
pub use media_types::media_type;
pub use plain::{escaped, plain};
pub use plan::{amounts, fates, large_layer, plan, replaced};
pub use sentences::{Level, Sentence, sentence};
pub use states::{Phase, phase, unfinished_owner};
pub use summary::{blob_sums, outcome_counts, summary};
