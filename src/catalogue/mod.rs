//! Which repositories and tags a registry has, and a list of them.
//!
//! Decides which of a registry's interfaces lists its repositories, and which of their tags are chosen; prints nothing.
//! Invariant: what could not be read is part of the result, so that nothing is left out silently.

mod creation_time;
mod error;
mod list_text;
mod registry_path;
mod repositories;
mod repository_pattern;
mod tags;

pub use error::CatalogueError;
pub use list_text::{ListText, Style};
pub use registry_path::RegistryPath;
pub use repositories::{CatalogueSource, Repositories, repositories};
pub use repository_pattern::{RepositoryPattern, RepositoryPatternError};
pub use tags::{FoundTags, RepositoryTags, TagQuery, tags};
