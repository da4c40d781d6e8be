//! What is inside a registry: repositories, tags, and images down to their layers and referrers.
//!
//! Decides what has to be read to know an image, what the parts together say, and how two images differ;
//! how it is shown is up to the front ends. Invariant: one [`Request`] is one thing to read, everything
//! read is bounded in size, and whatever a registry wrote is still untrusted text here.

mod answer_cache;
mod comparison;
mod config;
mod error;
mod history;
mod inspection;
mod inspector;
mod listing;
mod request;

pub use answer_cache::AnswerCache;
pub use comparison::{Comparison, ComparisonResult, Line, Section, Value};
pub use config::{Config, Fact, HistoryEntry, ImageConfig};
pub use error::{Error, ErrorKind};
pub use history::{Step, steps};
pub use inspection::{Image, Inspection, Scope, annotations, is_attestation};
pub use inspector::Inspector;
pub use listing::Listing;
pub use request::{Answer, Referrers, ReferrersSource, RepositoryId, Request};
