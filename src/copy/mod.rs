//! Copies images from one registry to another with as few bytes and requests as the protocol allows.
//!
//! Decides what is copied and in which order. When an image starts and when it is tried again is decided in `run`.
//! Invariant: a tag is written after everything below it, and every byte that is sent is hashed.

mod attachment;
mod attachment_search;
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
mod image_source;
mod manifest_writer;
mod mount_or_upload;
mod new_repositories;
mod open_sessions;
mod plan_cache;
mod plan_summary;
mod planner;
mod platform_selection;
mod preflight;
mod provisioner;
mod push_manifests;
mod referrer_cache;
mod registry_state;
mod report;
mod resume_budget;
mod session_hash;
mod source_reader;
mod stall_watchdog;
mod suspended_uploads;
mod transfer;
mod upload;
mod upload_body;
mod upload_sender;

pub use copy_outcome::CopyOutcome;
pub use engine::Engine;
pub use error::CopyError;
pub use preflight::PreflightOutcome;
pub use provisioner::{CreateCommand, CreateFailure};
pub use report::{ByteCounter, Report};
