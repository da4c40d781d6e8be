//! Why an input cannot be converted.
//!
//! Decides the sentence and what to do next. Each fits after the name of the input and a colon.

use super::kind::Kind;

#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    #[error("line {line}: this is not YAML: {problem}")]
    Yaml { line: usize, problem: String },
    #[error("line {line}: YAML is nested more than {limit} levels deep")]
    TooDeep { line: usize, limit: usize },
    #[error("line {line}: with its aliases this YAML has more than {limit} values")]
    TooManyValues { line: usize, limit: usize },
    #[error("the text has more than {} MiB", limit / 1024 / 1024)]
    InputTooLarge { limit: usize },
    #[error("the list would have more than {} MiB", limit / 1024 / 1024)]
    ListTooLarge { limit: usize },
    #[error("this is a TOML list already; `transship list check` checks it")]
    AlreadyList,
    #[error(
        "this has credentials of image-syncer and no images: store them with `transship login REGISTRY`"
    )]
    Credentials,
    #[error("the kind is not recognized; name it with --from ({})", Kind::names(&Kind::ALL))]
    Unrecognized,
    #[error("this can be {}: choose one with --from", Kind::names(.0))]
    Ambiguous(Vec<Kind>),
    #[error(
        "line {one} has one word and line {several} has several: choose --from references or --from mapping"
    )]
    MixedLines { one: usize, several: usize },
    #[error("{0} names no destination: add --to REGISTRY[/PREFIX]")]
    NoDestination(Kind),
    #[error("{0} names its own destinations: leave out --to")]
    OwnDestinations(Kind),
    #[error("{kind} without an image that can be converted{}", first_reason(.reason.as_deref()))]
    NoImages {
        kind: Kind,
        /// The first comment on something that has no counterpart.
        reason: Option<String>,
    },
    #[error("no list can be made of this: {0}")]
    Refused(String),
}

fn first_reason(reason: Option<&str>) -> String {
    reason.map_or_else(String::new, |reason| format!(": {reason}"))
}
