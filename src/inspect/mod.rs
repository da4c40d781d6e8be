//! Reads what stores have: repositories, names, and images down to their layers and referrers.
//!
//! Decides what has to be read for an image, and how two images differ. Front ends decide how it is shown. Invariant:
//! everything that is read is bounded in size, and text from a store stays untrusted.

mod answer_cache;
mod collection;
mod comparison;
mod config;
mod error;
mod history;
mod inspection;
mod inspector;
mod listing;
mod request;

pub use answer_cache::AnswerCache;
pub use collection::{Collection, ContentStore, ListedImage, RepositoryId};
pub use comparison::{Comparison, ComparisonResult, Line, Section, Value};
pub use config::{Config, Fact, HistoryEntry, ImageConfig};
pub use error::{Error, ErrorKind};
pub use history::{Step, steps};
pub use inspection::{Image, Inspection, Scope, annotations, is_attestation};
pub use inspector::Inspector;
pub use listing::Listing;
pub use request::{Answer, Referrers, ReferrersSource, Request};
