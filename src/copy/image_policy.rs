//! The signature policy of a batch, and where signatures are.
//!
//! Decides nothing.

use crate::signature::{Lookaside, Policy};

#[derive(Debug)]
pub struct ImagePolicy {
    pub policy: Policy,
    pub lookaside: Lookaside,
}
