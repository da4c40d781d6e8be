//! `require-signature`, as it is written: `false`, or a table with the keys of which one has to have signed an image.
//!
//! Decides names and types only. Invariant: what is written for keys is read as the same keys.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::oci::RequiredKeys;

/// `false`, or the keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RequireSignature {
    /// `false`: no signature is needed, whatever `[source]` or `[defaults]` say.
    Not(bool),
    By(SignatureTable),
}

/// Whose signatures count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct SignatureTable {
    /// A file with a public key of cosign, or several of which one is enough. Relative paths begin at the list.
    #[schemars(example = &"cosign.pub")]
    pub key: KeyFiles,
}

/// One file or several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum KeyFiles {
    One(String),
    Any(Vec<String>),
}

impl RequireSignature {
    /// What is written for these keys.
    #[must_use]
    pub fn of(keys: &RequiredKeys) -> Self {
        let mut paths: Vec<String> = keys
            .paths()
            .map(|path| path.to_string_lossy().into_owned())
            .collect();
        match (paths.len(), paths.pop()) {
            (_, None) => Self::Not(false),
            (1, Some(path)) => Self::By(SignatureTable {
                key: KeyFiles::One(path),
            }),
            (_, Some(last)) => {
                paths.push(last);
                let key = KeyFiles::Any(paths);
                Self::By(SignatureTable { key })
            }
        }
    }
}
