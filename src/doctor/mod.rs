//! Examines registries and stores before a migration: what works there, and what has to be changed first.
//!
//! Decides what is asked and what an answer means; where it may write is decided by the caller. Invariant: a registry that
//! does not answer costs its own findings and nothing else, and what was written is removed again, also after an
//! interruption.

mod access;
mod certificates;
mod clock;
mod connection;
mod examination;
mod finding;
mod local_store;
mod pushes;
mod reading;
mod scratch;
mod software;
mod subject;
mod throughput;
mod trouble;

pub use examination::{Conditions, examine};
pub use finding::{Check, Finding, Measured, Status};
pub use local_store::examine_store;
pub use subject::{Role, ScratchRepositories, Subject, local_stores};
