//! Where the images of an input go that names no destination.

use std::str::FromStr;

use crate::oci::{ReferenceError, Registry, Repository};

/// `REGISTRY[/PREFIX]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListDestination {
    pub registry: Registry,
    pub prefix: Option<Repository>,
}

impl FromStr for ListDestination {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let text = text.strip_prefix("docker://").unwrap_or(text);
        let text = text.trim_end_matches('/');
        match text.split_once('/') {
            Some((registry, prefix)) => Ok(Self {
                registry: registry.parse()?,
                prefix: Some(prefix.parse()?),
            }),
            None => Ok(Self {
                registry: text.parse()?,
                prefix: None,
            }),
        }
    }
}
