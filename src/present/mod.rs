//! The text that all front ends share: units, states, failures, log lines, the summary; and functions that sanitize and
//! truncate text.
//!
//! Decides the wording, not the place or the colour. Invariant: text from a registry or a list is [sanitized](sanitize),
//! so it cannot control a terminal.

mod blobs;
mod causes;
mod commands;
mod copiers;
mod failures;
mod glyphs;
mod image_lines;
mod log_lines;
mod media_types;
mod plan;
mod plan_formats;
mod plan_report;
mod refusals;
mod sanitize;
mod states;
mod summary;
mod truncate;
mod units;

pub use blobs::{blob_kind, settled};
pub use causes::{Cause, CauseGroup, causes};
pub use commands::{Commands, command};
pub use copiers::copier;
pub use failures::{failure, last_failure, next_attempt, remedy, retry};
pub use glyphs::Glyphs;
pub use log_lines::{Level, Sentence, sentence};
pub use media_types::media_type;
pub use plan::{amounts, fates, large_layer, plan, replaced};
pub use plan_formats::{plan_markdown, plan_text};
pub use plan_report::{
    DestinationPlan, PlanReport, PlanSpeed, PlanTotals, PlannedImage, PlannedLayer, PlannedOutcome,
    PlannedPruning, PullLimit, TimeEstimate,
};
pub use sanitize::{escaped, sanitize};
pub use states::{Phase, phase, unfinished_owner};
pub use summary::{blob_sums, outcome_counts, summary};
pub use truncate::{skip, width, wrap};
pub use units::{bytes, clock, count, countdown, duration, percent, precise_duration, rate};
