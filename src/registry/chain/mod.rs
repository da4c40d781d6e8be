//! The stages that every request passes through; `request_chain` has their order.

mod auth_retry;
mod authorization;
mod classifier;
mod first_answer;
mod host;
mod location;
mod request;
mod request_chain;
mod sender;

pub(super) use location::Locations;
pub(super) use request::{Request, RequestBody};
pub(super) use request_chain::RequestChain;
