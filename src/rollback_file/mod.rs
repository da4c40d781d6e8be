//! The file that keeps what tags named before a batch wrote them.
//!
//! Decides its format, and when an entry is durable; `rollback` decides what is done with it. Invariant: an entry is on
//! disk before the tag that it is about is written.
//!
//! ```toml
//! version = 1
//! batch = "20261121-1430-prod-7f3a"
//!
//! [[tags]]
//! reference = "harbor.example.com/team/api:1.2"
//! before = "sha256:..."
//! after = "sha256:..."
//! ```
//!
//! `before` is `none` for a tag that did not exist, and `unknown` if the registry did not say.

mod document;
mod error;
mod tag_change;
mod tag_log;

pub use document::{RollbackFile, TagHistory};
pub use error::Error;
pub use tag_change::{Before, TagChange};
pub use tag_log::TagLog;
