//! Copies images from one store to another with as few bytes and requests as possible.
//!
//! Decides what is copied and in which order; how one blob gets into one store is decided in `transport`. When an image
//! starts and when it is tried again is decided in `run`.
//! Invariant: a tag is written after everything below it, and every byte that is sent is hashed.

mod attachment;
mod attachment_search;
mod blob_copy;
mod claims;
mod complete_manifests;
mod copy_outcome;
mod copy_plan;
mod cosign_locks;
mod cosign_push;
mod cosign_tag;
mod destination_rules;
mod engine;
mod error;
mod graph;
mod hint;
mod image_context;
mod image_copy;
mod image_limits;
mod image_lookup;
mod image_policy;
mod image_tagging;
mod manifest_reader;
mod manifest_writer;
mod plan_cache;
mod plan_summary;
mod planner;
mod platform_selection;
mod policy_check;
mod preflight;
mod provisioner;
mod push_manifests;
mod referrer_cache;
mod report;
mod scope;
mod signature_check;
mod signature_search;
mod small_blob;
mod staged_manifests;
mod store_state;
mod stored_signatures;
mod tag_record;

pub use copy_outcome::CopyOutcome;
pub use engine::Engine;
pub use error::CopyError;
pub use image_policy::ImagePolicy;
pub use preflight::PreflightOutcome;
pub use provisioner::{CreateCommand, CreateFailure};
pub use report::Report;
