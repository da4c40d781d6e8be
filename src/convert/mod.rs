//! Lists of other tools, as TOML lists.
//!
//! Decides what the input of another tool means in a list, and says what has no counterpart; reads no file and asks no
//! registry. Invariant: what it writes is a list without mistakes, and has no secret of the input.

mod compose;
mod conversion;
mod detection;
mod docker_images;
mod draft;
mod dregsy;
mod error;
mod image_syncer;
mod kind;
mod kubernetes;
mod list_destination;
mod list_text;
mod mapping;
mod names;
mod quote;
mod references;
mod regsync;
mod skopeo_sync;
mod tag_rules;
#[cfg(test)]
mod tests;
mod text_lines;
mod yaml;

pub use conversion::{Conversion, MAX_INPUT, convert};
pub use detection::is_list;
pub use error::ConvertError;
pub use kind::{Kind, UnknownKind};
pub use list_destination::ListDestination;
pub use list_text::Converted;
pub(crate) use yaml::{Entry as YamlEntry, Node as YamlNode, parse as parse_yaml};
