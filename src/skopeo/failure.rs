//! Why skopeo failed, from what it printed.

use crate::{
    batch::{Failure, FailureClass, Side},
    oci::Location,
};

/// The two sides of a command.
pub struct Sides<'a> {
    pub source: &'a Location,
    pub destination: Option<&'a Location>,
}

pub fn classify(stderr: &str, sides: &Sides<'_>) -> Failure {
    let is_missing = stderr.contains("manifest unknown") || stderr.contains("name unknown");
    Failure {
        side: Side::Source,
        class: match is_missing {
            true => FailureClass::NotFound,
            false => FailureClass::Transient {
                retry_after_ms: None,
            },
        },
        summary: "failed in skopeo".into(),
        chain: stderr.lines().map(str::to_owned).collect(),
    }
}
